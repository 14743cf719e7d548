import type { RowSum, SharedUpdates } from '../../blocks/blocks.ts';
import type { ColumnReduction } from '../../linear-algebra.ts';
import { type GeometryParts, geometryBytes } from './geometry-parts.ts';
import { chunksIn, roundUp } from './kernels.ts';
import { panelProducts } from './panel-products.ts';

/** One pass over the columns of n updates, as a worker is told to make it. Survives structured cloning. */
export type KernelTask =
  | Readonly<{ kind: 'reduce'; reduction: ColumnReduction }>
  /** Row numbers and their weights, zero weights left out. */
  | Readonly<{ kind: 'combine'; rows: Int32Array; weights: Float64Array; divisor: number }>
  | Readonly<{ kind: 'distancesToMean'; rows: Int32Array; weights: Float64Array }>
  /** Products with a vector of shape [d], which every worker sees. */
  | Readonly<{ kind: 'dots'; vector: SharedVector }>
  /** How rows lie to a vector of shape [d], float64, and their sketches; see geometry-parts.ts. */
  | Readonly<{ kind: 'geometry'; vector: SharedVector; parts: GeometryParts }>
  /** Groups of five row numbers {i, j0, j1, j2, j3}: four distances each. */
  | Readonly<{ kind: 'pairs'; groups: Int32Array }>
  /** Products of the rows after the first `sample`, an odd number of rows whose median all are centred on; see panel-products.ts. */
  | Readonly<{ kind: 'products'; sample: number; between: number | undefined }>;

export type SharedVector = Float32Array<SharedArrayBuffer> | Float64Array<SharedArrayBuffer>;

export type TaskStart = Readonly<{
  task: KernelTask;
  /** Stored rows, as they are read. */
  n: number;
  /** The rows that the task is about, where they are sums of the stored ones. */
  rowSums: readonly RowSum[] | undefined;
  /** Columns of the widest block. */
  columns: number;
  /** Blocks that one worker has in hand at a time. */
  slots: number;
  /** How the worker reads the rows by itself; undefined where the caller fills `input`. */
  shared: SharedUpdates | undefined;
}>;

/** Addresses in the worker's memory. */
export type Slot = Readonly<{ input: number; output: number }>;

/** Bytes of a block's answer. */
export function outputBytes(task: KernelTask, n: number, columns: number): number {
  switch (task.kind) {
    case 'reduce':
    case 'combine':
      return 8 * roundUp(columns, 16); // One float64 a column.
    case 'distancesToMean':
    case 'dots':
      return 8 * chunksIn(columns) * n; // [chunk, row].
    case 'geometry':
      return geometryBytes(task.parts, n, columns);
    case 'pairs':
      return 32 * chunksIn(columns) * (task.groups.length / 5); // [chunk, group, 4].
    case 'products':
      return panelProducts(n - task.sample, task.between).bytes;
  }
}

/** Bytes that a worker needs for the rows that are sums, beside its slots. */
export function rowSumBytes(rowSums: readonly RowSum[], columns: number): number {
  return 8 * rowSums.length * roundUp(columns, 16);
}
