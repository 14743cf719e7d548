// The small fast loops of aggregation, in AssemblyScript: WebAssembly with 128-bit SIMD, no runtime, no allocation. The
// caller lays out the memory and passes byte addresses. Rebuild with `node aggregation/assembly/build.ts` after a
// change; a test holds kernels.wasm against these files.
//
// Every operation rounds as its plain TypeScript twin does, so both give the same bits. But for `multiplyPanels`, whose
// products come with bounds: it adds by fused multiply-add where the processor has it.

export { dotsAndDistances, runSums } from './geometry';
export { centre, promote, squaredDistances } from './gram';
export { multiplyPanels, packPanels } from './panels';
export { reduceColumns, reduceColumns64 } from './sorted-columns';
export { combine, combine64, distancesToPoint, distancesToPoint64, dotsWithPoint, dotsWithPoint64 } from './sums';
