import type { RowSum, SharedUpdates } from '../../blocks/blocks.ts';
import type { ColumnReduction } from '../../engine.ts';
import { bindTask, writeTerms } from '../bound-task.ts';
import { chunksIn, growTo, type Kernels, memoryPlan, roundUp } from './kernels.ts';
import { packedBlock, stripsIn } from './packed-block.ts';

/** One pass over the columns of n updates, as a worker is told to make it. Survives structured cloning. */
export type KernelTask =
  | Readonly<{ kind: 'reduce'; reduction: ColumnReduction }>
  /** Row numbers and their weights, zero weights left out. */
  | Readonly<{ kind: 'combine'; rows: Int32Array; weights: Float64Array; divisor: number }>
  | Readonly<{ kind: 'distancesToMean'; rows: Int32Array; weights: Float64Array }>
  /** Groups of five row numbers {i, j0, j1, j2, j3}: four distances each. */
  | Readonly<{ kind: 'pairs'; groups: Int32Array }>
  /** Strips for the Gram matrix: centred on the median of the sampled rows, cut into tiles of rows; see packed-block.ts. */
  | Readonly<{ kind: 'pack'; sample: Int32Array; tileRows: number }>;

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
      return 8 * chunksIn(columns) * n; // [chunk, row].
    case 'pairs':
      return 32 * chunksIn(columns) * (task.groups.length / 5); // [chunk, group, 4].
    case 'pack':
      return packedBlock(n, task.tileRows, stripsIn(columns)).bytes;
  }
}

/** One worker's part: where things lie in its memory, and what it does with a filled block. */
export type PreparedTask = Readonly<{ slots: readonly Slot[]; run(slot: number, columns: number): void }>;

export function prepareTask(kernels: Kernels, start: TaskStart): PreparedTask {
  const { task, n, rowSums, columns, slots: slotCount } = start;
  const plan = memoryPlan();
  const slots = Array.from({ length: slotCount }, () => ({
    input: plan.take(4 * n * roundUp(columns, 16)),
    output: plan.take(outputBytes(task, rowSums?.length ?? n, columns)),
  }));
  const summed = rowSums && bindRowSums(kernels, rowSums, columns, plan.take);
  const work = bindTask(kernels, task, rowSums?.length ?? n, summed ? 8 : 4, plan.take);
  growTo(kernels, plan.bytes());
  summed?.writeConstants();
  work.writeConstants();
  return {
    slots,
    run(slot, count) {
      const { input, output } = slots[slot] as Slot;
      const padded = padRows(kernels, input, n, count);
      if (summed === undefined) work.runBlock(input, 4 * padded, padded, output);
      else work.runBlock(summed.sum(input, padded), 8 * padded, padded, output);
    },
  };
}

/** Bytes that a worker needs for the rows that are sums, beside its slots. */
export function rowSumBytes(rowSums: readonly RowSum[], columns: number): number {
  return 8 * rowSums.length * roundUp(columns, 16);
}

function bindRowSums(kernels: Kernels, rowSums: readonly RowSum[], columns: number, take: (bytes: number) => number) {
  const terms = rowSums.map(({ members }) => take(16 * members.length));
  const made = take(rowSumBytes(rowSums, columns));
  return {
    writeConstants() {
      rowSums.forEach(({ members, factors }, row) => {
        writeTerms(kernels, terms[row] as number, members, factors);
      });
    },
    /** The address of the float64 rows, one after another. */
    sum(input: number, padded: number): number {
      rowSums.forEach(({ members, divisor }, row) => {
        const out = made + 8 * padded * row;
        kernels.run.combine(input, 4 * padded, terms[row] as number, members.length, padded, divisor, out);
      });
      return made;
    },
  };
}

/**
 * Gives every row of a filled block a length that is a multiple of 16 values, zeros at its end: kernels take 4 or 16
 * columns at a time, and a zero adds nothing to any sum. Returns the new length.
 */
function padRows(kernels: Kernels, input: number, n: number, columns: number): number {
  const padded = roundUp(columns, 16);
  if (padded === columns) return columns;
  const rows = new Float32Array(kernels.buffer(), input, n * padded);
  for (let row = n - 1; row >= 0; row--) {
    rows.copyWithin(row * padded, row * columns, (row + 1) * columns); // From the last row on: never over one not yet moved.
    rows.fill(0, row * padded + columns, (row + 1) * padded);
  }
  return padded;
}
