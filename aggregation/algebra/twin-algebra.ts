import { type AggregateSink, blockBuffer, columnsPerBlock, spans, type UpdateBlocks } from '../blocks/blocks.ts';
import { geometryOf } from '../geometry.ts';
import type { ColumnReduction, DistanceMatrix, LinearAlgebra, RowPair } from '../linear-algebra.ts';
import { addDot, addSquaredDistance, wholeChunks } from '../ordered-sums.ts';
import { reduceColumn } from './column-reduction.ts';

/**
 * The algebra in plain TypeScript, float64, one thread: every answer exact. For small rounds, and the twin that faster
 * algebras are tested against. `columns` per block changes how often it reads, never what it answers.
 */
export function twinAlgebra(options: Readonly<{ columns?: number }> = {}): LinearAlgebra {
  const blockColumns = (source: UpdateBlocks) => Math.min(source.d, options.columns ?? columnsPerBlock(source));
  const chunkedColumns = (source: UpdateBlocks) => Math.min(source.d, wholeChunks(blockColumns(source)));
  return {
    squaredDistances: (source) => allDistances(source, chunkedColumns(source)),
    exactDistances: (source, pairs) => pairDistances(source, pairs, chunkedColumns),
    distancesToMean: (source, weights) => distancesToMean(source, weights, chunkedColumns(source)),
    dots: (source, vector) => dots(source, vector, chunkedColumns(source)),
    geometry: geometryOf,
    combine: (source, weights, divisor, sink) => combine(source, weights, divisor, sink, blockColumns),
    reduceColumns: (source, reduction, sink) => reduceColumns(source, reduction, sink, blockColumns(source)),
    close: async () => {},
  };
}

/** O(n²d) time, O(n² + n · columns) memory. */
async function allDistances(source: UpdateBlocks, columns: number): Promise<DistanceMatrix> {
  const { n } = source;
  const values = new Float64Array(n * n);
  const block = blockBuffer(source, columns);
  for (const [offset, count] of spans(source.d, columns)) {
    await source.read(offset, count, block);
    for (let i = 0; i < n; i++) {
      for (let j = i + 1; j < n; j++) {
        const at = i * n + j;
        values[at] = addSquaredDistance(values[at] as number, block, i * count, block, j * count, count);
      }
    }
  }
  for (let i = 0; i < n; i++) {
    for (let j = i + 1; j < n; j++) values[j * n + i] = values[i * n + j] as number;
  }
  return { n, values, errorOf: () => 0, rowErrors: new Float64Array(n) };
}

/** Reads only the rows that some pair names. */
async function pairDistances(
  source: UpdateBlocks,
  pairs: readonly RowPair[],
  columnsOf: (source: UpdateBlocks) => number,
): Promise<Float64Array> {
  const sums = new Float64Array(pairs.length);
  if (pairs.length === 0) return sums;
  const rows = [...new Set(pairs.flat())].sort((a, b) => a - b);
  const place = new Map(rows.map((row, at) => [row, at]));
  const places = pairs.map(([i, j]) => [place.get(i) as number, place.get(j) as number] as const);
  const picked = source.pick(rows);
  const columns = columnsOf(picked);
  const block = blockBuffer(picked, columns);
  for (const [offset, count] of spans(source.d, columns)) {
    await picked.read(offset, count, block);
    for (const [at, [i, j]] of places.entries()) {
      sums[at] = addSquaredDistance(sums[at] as number, block, i * count, block, j * count, count);
    }
  }
  return sums;
}

async function distancesToMean(source: UpdateBlocks, weights: Float64Array, columns: number): Promise<Float64Array> {
  const sums = new Float64Array(source.n);
  const block = blockBuffer(source, columns);
  const mean = new Float64Array(columns);
  for (const [offset, count] of spans(source.d, columns)) {
    await source.read(offset, count, block);
    mean.fill(0);
    weights.forEach((weight, row) => {
      if (weight !== 0) addScaled(mean, weight, block, row * count, count);
    });
    for (let row = 0; row < source.n; row++) {
      sums[row] = addSquaredDistance(sums[row] as number, block, row * count, mean, 0, count);
    }
  }
  return sums;
}

async function dots(source: UpdateBlocks, vector: Float32Array | Float64Array, columns: number): Promise<Float64Array> {
  const sums = new Float64Array(source.n);
  const block = blockBuffer(source, columns);
  for (const [offset, count] of spans(source.d, columns)) {
    await source.read(offset, count, block);
    for (let row = 0; row < source.n; row++) {
      sums[row] = addDot(sums[row] as number, block, row * count, vector, offset, count);
    }
  }
  return sums;
}

async function combine(
  source: UpdateBlocks,
  weights: Float64Array,
  divisor: number,
  sink: AggregateSink,
  columnsOf: (source: UpdateBlocks) => number,
): Promise<void> {
  const rows = [...weights.keys()].filter((row) => weights[row] !== 0);
  const picked = source.pick(rows);
  const columns = columnsOf(picked);
  const block = blockBuffer(picked, columns);
  const sum = new Float64Array(columns);
  for (const [offset, count] of spans(source.d, columns)) {
    await picked.read(offset, count, block);
    sum.fill(0);
    rows.forEach((row, at) => {
      addScaled(sum, weights[row] as number, block, at * count, count);
    });
    if (divisor !== 1) for (let j = 0; j < count; j++) sum[j] = (sum[j] as number) / divisor;
    await sink.write(offset, sum.subarray(0, count));
  }
}

async function reduceColumns(
  source: UpdateBlocks,
  reduction: ColumnReduction,
  sink: AggregateSink,
  columns: number,
): Promise<void> {
  const { n } = source;
  const block = blockBuffer(source, columns);
  const out = new Float64Array(columns);
  const column = new Float64Array(n);
  for (const [offset, count] of spans(source.d, columns)) {
    await source.read(offset, count, block);
    for (let j = 0; j < count; j++) {
      for (let row = 0; row < n; row++) column[row] = block[row * count + j] as number;
      out[j] = reduceColumn(column.sort(), reduction);
    }
    await sink.write(offset, out.subarray(0, count));
  }
}

/** into[j] += weight · values[at + j]. */
function addScaled(into: Float64Array, weight: number, values: ArrayLike<number>, at: number, count: number): void {
  for (let j = 0; j < count; j++) into[j] = (into[j] as number) + weight * (values[at + j] as number);
}
