import { readFileSync } from 'node:fs';
import { chunkColumns } from '../../ordered-sums.ts';

/** What assembly/kernels.ts exports; arguments are byte addresses and counts, as documented there. */
type KernelExports = Readonly<{
  reduceColumns: Reduce;
  reduceColumns64: Reduce;
  combine: Combine;
  combine64: Combine;
  distancesToPoint: RowsAndPoint;
  distancesToPoint64: RowsAndPoint;
  dotsWithPoint: RowsAndPoint;
  dotsWithPoint64: RowsAndPoint;
  dotsAndDistances: RowsAndPoint;
  runSums(rows: number, stride: number, n: number, flips: number, first: number, columns: number, out: number): void;
  promote(rows: number, stride: number, n: number, columns: number, out: number): void;
  squaredDistances(rows: number, groups: number, count: number, columns: number, out: number): void;
  centre(
    rows: number,
    stride: number,
    sample: number,
    count: number,
    columns: number,
    scratch: number,
    out: number,
  ): void;
  packPanels(
    rows: number,
    stride: number,
    n: number,
    centre: number,
    columns: number,
    scratch: number,
    out: number,
    scales: number,
    squaredNorms: number,
  ): void;
  multiplyPanels(
    packed: number,
    panels: number,
    columns: number,
    scales: number,
    until: number,
    from: number,
    tile: number,
    out: number,
  ): void;
}>;

type Reduce = (
  rows: number,
  stride: number,
  n: number,
  columns: number,
  scratch: number,
  out: number,
  kind: number,
  parameter: number,
) => void;
type Combine = (
  rows: number,
  stride: number,
  terms: number,
  count: number,
  columns: number,
  divisor: number,
  out: number,
) => void;
type RowsAndPoint = (rows: number, stride: number, n: number, point: number, columns: number, out: number) => void;

export type Kernels = Readonly<{
  memory: WebAssembly.Memory;
  /** The memory as other threads may see it. Grows in place: an address stays valid. */
  buffer(): SharedArrayBuffer;
  run: KernelExports;
}>;

const wasmPageBytes = 65_536;
const wasmPagesMax = 65_536; // As compiled: 4 GiB of address space, of which only what is used is ever resident.

/** The kernels with a memory of their own. */
export function loadKernels(): Kernels {
  const memory = new WebAssembly.Memory({ initial: 1, maximum: wasmPagesMax, shared: true });
  const module = new WebAssembly.Module(readFileSync(new URL('./kernels.wasm', import.meta.url)));
  const instance = new WebAssembly.Instance(module, { env: { memory } });
  return {
    memory,
    // Shared, as it was made; browsers' types do not say so.
    buffer: () => memory.buffer as ArrayBufferLike as SharedArrayBuffer,
    run: instance.exports as unknown as KernelExports,
  };
}

/** Hands out addresses one after another, on cache-line boundaries. */
export function memoryPlan(): { take(bytes: number): number; bytes(): number } {
  let next = 64; // Address 0 stays free, so that a forgotten one is noticed.
  return {
    take(bytes) {
      const at = next;
      next += roundUp(bytes, 64);
      return at;
    },
    bytes: () => next,
  };
}

export function growTo({ memory, buffer }: Kernels, bytes: number): void {
  const missing = bytes - buffer().byteLength;
  if (missing > 0) memory.grow(Math.ceil(missing / wasmPageBytes));
}

export function roundUp(value: number, multiple: number): number {
  return Math.ceil(value / multiple) * multiple;
}

export function chunksIn(columns: number): number {
  return Math.ceil(columns / chunkColumns);
}
