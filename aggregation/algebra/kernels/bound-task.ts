import type { ColumnReduction } from '../../linear-algebra.ts';
import { chunkColumns } from '../../ordered-sums.ts';
import { runColumns } from '../../places/sketch.ts';
import { geometryParts } from './geometry-parts.ts';
import type { KernelTask } from './kernel-task.ts';
import type { Kernels } from './kernels.ts';
import { panelProducts, panelRows, stripColumns, stripsIn } from './panel-products.ts';

/** A task with its constants in a worker's memory. */
export type BoundTask = {
  /** Once the memory is there. */
  writeConstants(): void;
  /** columns: a multiple of 16. `offset`: of the block's first column among all. */
  runBlock(input: number, stride: number, columns: number, output: number, offset: number): void;
};

/** n rows of float32 values (`bytes` 4: stored updates) or float64 ones (8: rows that are sums). */
export function bindTask(
  kernels: Kernels,
  task: KernelTask,
  n: number,
  bytes: 4 | 8,
  take: (bytes: number) => number,
): BoundTask {
  const { run } = kernels;
  const reduceColumns = bytes === 4 ? run.reduceColumns : run.reduceColumns64;
  const combine = bytes === 4 ? run.combine : run.combine64;
  const distancesToPoint = bytes === 4 ? run.distancesToPoint : run.distancesToPoint64;
  switch (task.kind) {
    case 'reduce': {
      const scratch = take(16 * n);
      const [kind, parameter] = reductionCode(task.reduction);
      return {
        writeConstants() {},
        runBlock: (input, stride, columns, output) =>
          reduceColumns(input, stride, n, columns, scratch, output, kind, parameter),
      };
    }
    case 'combine': {
      const terms = take(16 * task.rows.length);
      return {
        writeConstants: () => writeTerms(kernels, terms, task.rows, task.weights),
        runBlock: (input, stride, columns, output) =>
          combine(input, stride, terms, task.rows.length, columns, task.divisor, output),
      };
    }
    case 'distancesToMean': {
      const terms = take(16 * task.rows.length);
      const mean = take(8 * chunkColumns);
      return {
        writeConstants: () => writeTerms(kernels, terms, task.rows, task.weights),
        runBlock(input, stride, columns, output) {
          for (let chunk = 0; chunk * chunkColumns < columns; chunk++) {
            const rows = input + bytes * chunk * chunkColumns;
            const count = Math.min(chunkColumns, columns - chunk * chunkColumns);
            combine(rows, stride, terms, task.rows.length, count, 1, mean);
            distancesToPoint(rows, stride, n, mean, count, output + 8 * chunk * n);
          }
        },
      };
    }
    case 'dots': {
      const { vector } = task;
      const point = take(8 * chunkColumns);
      const dotsWithPoint = bytes === 4 ? run.dotsWithPoint : run.dotsWithPoint64;
      return {
        writeConstants() {},
        runBlock(input, stride, columns, output, offset) {
          for (let chunk = 0; chunk * chunkColumns < columns; chunk++) {
            const from = chunk * chunkColumns;
            const count = Math.min(chunkColumns, columns - from);
            const values = new Float64Array(kernels.buffer(), point, count);
            const own = vector.subarray(offset + from, offset + from + count);
            values.set(own);
            values.fill(0, own.length); // Where rows are padded there is no more of the vector.
            dotsWithPoint(input + bytes * from, stride, n, point, count, output + 8 * chunk * n);
          }
        },
      };
    }
    case 'geometry':
      if (bytes === 8) throw new RangeError('only stored float32 updates are measured');
      return bindGeometry(kernels, task, n, take);
    case 'pairs': {
      const groups = task.groups.length / 5;
      const numbers = take(4 * task.groups.length);
      const promoted = take(8 * chunkColumns * n);
      return {
        writeConstants: () => new Int32Array(kernels.buffer(), numbers, task.groups.length).set(task.groups),
        runBlock(input, stride, columns, output) {
          for (let chunk = 0; chunk * chunkColumns < columns; chunk++) {
            const count = Math.min(chunkColumns, columns - chunk * chunkColumns);
            const from = input + bytes * chunk * chunkColumns;
            if (bytes === 4) run.promote(from, stride, n, count, promoted);
            else copyRows(kernels, from, stride, n, count, promoted);
            run.squaredDistances(promoted, numbers, groups, count, output + 32 * chunk * groups);
          }
        },
      };
    }
    case 'products':
      if (bytes === 8) throw new RangeError('only stored float32 updates are multiplied');
      return bindProducts(kernels, task.sample, task.between, n, take);
  }
}

function bindGeometry(
  { run, buffer }: Kernels,
  { vector, parts }: Extract<KernelTask, { kind: 'geometry' }>,
  n: number,
  take: (bytes: number) => number,
): BoundTask {
  const { signs } = parts;
  const point = take(8 * chunkColumns);
  const flips = take(4 * chunkColumns);
  return {
    writeConstants() {},
    runBlock(input, stride, columns, output, offset) {
      const end = Math.min(vector.length, offset + columns); // Rows may be padded.
      for (const { piece, start } of geometryParts(parts, n, offset, end)) {
        const { at, length } = piece;
        const rows = input + 4 * (at - offset);
        const to = output + 8 * start;
        new Float64Array(buffer(), point, length).set(vector.subarray(at, at + length));
        run.dotsAndDistances(rows, stride, n, point, length, to);
        if (signs === undefined) continue;
        const words = new Uint32Array(buffer(), flips, length);
        for (let j = 0; j < length; j++) {
          const column = at + j;
          words[j] = ((signs[Math.floor(column / runColumns)] as number) >> (column % runColumns)) << 31;
        }
        run.runSums(rows, stride, n, flips, at % runColumns, length, to + 16 * n);
      }
    },
  };
}

function bindProducts(
  { run, buffer }: Kernels,
  sample: number,
  between: number | undefined,
  n: number,
  take: (bytes: number) => number,
): BoundTask {
  const m = n - sample;
  const { panels, until, from, squaredNormsAt, bytes } = panelProducts(m, between);
  const sampleAt = take(4 * sample);
  const centre = take(4 * stripColumns);
  const scratch = take(Math.max(4 * 4 * stripColumns, 16 * sample));
  const packed = take(4 * stripColumns * panelRows * panels);
  const scales = take(8 * panelRows * panels);
  const tile = take(8 * panelRows * panelRows);
  return {
    writeConstants: () => new Int32Array(buffer(), sampleAt, sample).set(Array.from({ length: sample }, (_, at) => at)),
    runBlock(input, stride, columns, output) {
      new Uint8Array(buffer(), output, bytes).fill(0);
      for (let strip = 0; strip < stripsIn(columns); strip++) {
        const rows = input + 4 * strip * stripColumns;
        const count = Math.min(stripColumns, columns - strip * stripColumns);
        run.centre(rows, stride, sampleAt, sample, count, scratch, centre);
        const first = rows + sample * stride;
        run.packPanels(first, stride, m, centre, count, scratch, packed, scales, output + squaredNormsAt);
        run.multiplyPanels(packed, panels, count, scales, until, from, tile, output);
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

/** Row numbers and weights as `combine` reads them. */
export function writeTerms(kernels: Kernels, at: number, rows: ArrayLike<number>, weights: ArrayLike<number>): void {
  const view = new DataView(kernels.buffer());
  for (let term = 0; term < rows.length; term++) {
    view.setInt32(at + 16 * term, rows[term] as number, true);
    view.setFloat64(at + 16 * term + 8, weights[term] as number, true);
  }
}

/** What `promote` does for float32 rows: rows of 1,024 places, of which only the first `columns` are read. */
function copyRows({ buffer }: Kernels, from: number, stride: number, n: number, columns: number, to: number): void {
  const bytes = new Uint8Array(buffer());
  for (let row = 0; row < n; row++) {
    bytes.copyWithin(to + 8 * chunkColumns * row, from + stride * row, from + stride * row + 8 * columns);
  }
}
