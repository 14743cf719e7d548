// The small fast loops of aggregation, in AssemblyScript: WebAssembly with 128-bit SIMD, no runtime, no allocation. The
// caller lays out the memory and passes byte addresses. Rebuild with `node aggregation/assembly/build.ts` after a
// change; a test holds kernels.wasm against these files.
//
// No fused multiply-add anywhere: every operation rounds as its plain TypeScript twin does, so both give the same bits.

export { centre, packRow, promote, squaredDistances } from './gram';
export { reduceColumns, reduceColumns64 } from './sorted-columns';
export { combine, combine64, distancesToPoint, distancesToPoint64, dotsWithPoint, dotsWithPoint64 } from './sums';
