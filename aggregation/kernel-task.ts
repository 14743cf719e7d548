import type { SharedUpdates } from './blocks.ts';
import type { ColumnReduction } from './engine.ts';
import { chunksIn, growTo, type Kernels, memoryPlan, roundUp } from './kernels.ts';
import { chunkColumns } from './ordered-sums.ts';
import { packedBlock } from './packed-block.ts';

/** One pass over the columns of n updates, as a worker is told to make it. Survives structured cloning. */
export type KernelTask =
  | Readonly<{ kind: 'reduce'; reduction: ColumnReduction }>
  /** Row numbers and their weights, zero weights left out. */
  | Readonly<{ kind: 'combine'; rows: Int32Array; weights: Float64Array; divisor: number }>
  | Readonly<{ kind: 'distancesToMean'; rows: Int32Array; weights: Float64Array }>
  /** Groups of five row numbers {i, j0, j1, j2, j3}: four distances each. */
  | Readonly<{ kind: 'pairs'; groups: Int32Array }>
  /** Chunks for the Gram matrix: centred on the median of the sampled rows, cut into tiles of rows; see packed-block.ts. */
  | Readonly<{ kind: 'pack'; sample: Int32Array; tileRows: number }>;

export type TaskStart = Readonly<{
  task: KernelTask;
  n: number;
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
      return packedBlock(n, task.tileRows, chunksIn(columns)).bytes;
  }
}

/** One worker's part: where things lie in its memory, and what it does with a filled block. */
export type PreparedTask = Readonly<{ slots: readonly Slot[]; run(slot: number, columns: number): void }>;

export function prepareTask(kernels: Kernels, { task, n, columns, slots: slotCount }: TaskStart): PreparedTask {
  const plan = memoryPlan();
  const slots = Array.from({ length: slotCount }, () => ({
    input: plan.take(4 * n * roundUp(columns, 16)),
    output: plan.take(outputBytes(task, n, columns)),
  }));
  const work = bindTask(kernels, task, n, plan.take);
  growTo(kernels, plan.bytes());
  work.writeConstants();
  return {
    slots,
    run(slot, count) {
      const { input, output } = slots[slot] as Slot;
      const padded = padRows(kernels, input, n, count);
      work.runBlock(input, 4 * padded, padded, output);
    },
  };
}

type BoundTask = {
  /** Once the memory is there. */
  writeConstants(): void;
  /** columns: a multiple of 16. */
  runBlock(input: number, stride: number, columns: number, output: number): void;
};

function bindTask(kernels: Kernels, task: KernelTask, n: number, take: (bytes: number) => number): BoundTask {
  const { run } = kernels;
  switch (task.kind) {
    case 'reduce': {
      const scratch = take(16 * n);
      const [kind, parameter] = reductionCode(task.reduction);
      return {
        writeConstants() {},
        runBlock: (input, stride, columns, output) =>
          run.reduceColumns(input, stride, n, columns, scratch, output, kind, parameter),
      };
    }
    case 'combine': {
      const terms = take(16 * task.rows.length);
      return {
        writeConstants: () => writeTerms(kernels, terms, task.rows, task.weights),
        runBlock: (input, stride, columns, output) =>
          run.combine(input, stride, terms, task.rows.length, columns, task.divisor, output),
      };
    }
    case 'distancesToMean': {
      const terms = take(16 * task.rows.length);
      const mean = take(8 * chunkColumns);
      return {
        writeConstants: () => writeTerms(kernels, terms, task.rows, task.weights),
        runBlock(input, stride, columns, output) {
          for (let chunk = 0; chunk * chunkColumns < columns; chunk++) {
            const rows = input + 4 * chunk * chunkColumns;
            const count = Math.min(chunkColumns, columns - chunk * chunkColumns);
            run.combine(rows, stride, terms, task.rows.length, count, 1, mean);
            run.distancesToPoint(rows, stride, n, mean, count, output + 8 * chunk * n);
          }
        },
      };
    }
    case 'pairs': {
      const groups = task.groups.length / 5;
      const numbers = take(4 * task.groups.length);
      const promoted = take(8 * chunkColumns * n);
      return {
        writeConstants: () => new Int32Array(kernels.buffer(), numbers, task.groups.length).set(task.groups),
        runBlock(input, stride, columns, output) {
          for (let chunk = 0; chunk * chunkColumns < columns; chunk++) {
            const count = Math.min(chunkColumns, columns - chunk * chunkColumns);
            run.promote(input + 4 * chunk * chunkColumns, stride, n, count, promoted);
            run.squaredDistances(promoted, numbers, groups, count, output + 32 * chunk * groups);
          }
        },
      };
    }
    case 'pack':
      return bindPack(kernels, task.sample, task.tileRows, n, take);
  }
}

function bindPack(
  { run, buffer }: Kernels,
  sample: Int32Array,
  tileRows: number,
  n: number,
  take: (bytes: number) => number,
): BoundTask {
  const sampleAt = take(4 * sample.length);
  const centre = take(4 * chunkColumns);
  const scratch = take(Math.max(4 * chunkColumns, 16 * sample.length));
  return {
    writeConstants: () => new Int32Array(buffer(), sampleAt, sample.length).set(sample),
    runBlock(input, stride, columns, output) {
      const { chunks, rowAt, segmentBytes, scaleAt, squaredNormAt } = packedBlock(n, tileRows, chunksIn(columns));
      for (let chunk = 0; chunk < chunks; chunk++) {
        const rows = input + 4 * chunk * chunkColumns;
        const count = Math.min(chunkColumns, columns - chunk * chunkColumns);
        run.centre(rows, stride, sampleAt, sample.length, count, scratch, centre);
        for (let row = 0; row < n; row++) {
          const to = output + rowAt(chunk, row);
          const [scale, squaredNorm] = [output + scaleAt(chunk, row), output + squaredNormAt(chunk, row)];
          run.packRow(rows + row * stride, centre, count, scratch, to, segmentBytes(row), scale, squaredNorm);
        }
      }
    },
  };
}

function reductionCode(reduction: ColumnReduction): [kind: number, parameter: number] {
  switch (reduction.kind) {
    case 'median':
      return [0, 0];
    case 'trimmedMean':
      return [1, reduction.trim];
    case 'meanAroundMedian':
      return [2, reduction.keep];
  }
}

function writeTerms(kernels: Kernels, at: number, rows: Int32Array, weights: Float64Array): void {
  const view = new DataView(kernels.buffer());
  rows.forEach((row, term) => {
    view.setInt32(at + 16 * term, row, true);
    view.setFloat64(at + 16 * term + 8, weights[term] as number, true);
  });
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
