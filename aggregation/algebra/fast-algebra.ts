import os from 'node:os';
import type { UpdateBlocks } from '../blocks/blocks.ts';
import type { DistanceMatrix, LinearAlgebra, RowPair } from '../linear-algebra.ts';
import { runColumns } from '../places/sketch.ts';
import {
  canWalk,
  combine,
  combineJoined,
  distancesToMean,
  dots,
  geometry,
  pairDistances,
  reduceColumns,
} from './exact-passes.ts';
import { gramDistances, loosePairs } from './gram/gram-distances.ts';
import { type KernelPool, startKernelPool } from './kernels/kernel-pool.ts';
import { twinAlgebra } from './twin-algebra.ts';

export type FastAlgebraOptions = Readonly<{
  /** Worker threads for the exact passes. Default: one per core, at most 8. Changes how long an answer takes, never the answer. */
  workers?: number;
  /**
   * From how many rows on all distances come from float32 multiplications, with bounds, rather than exactly.
   * Default 64, from where on it is faster.
   */
  gramRowsMin?: number;
}>;

/** Distances whose bound is looser than this are computed again, exactly. */
const relativeErrorMax = 1e-5;

/**
 * The algebra for real rounds: WebAssembly SIMD kernels in worker threads, float64 like the twin and to the same bits;
 * all distances of many rows from products in float32, each within 1e-5 of exact and with its bound. Views of views are
 * worked on by the twin.
 */
export function fastAlgebra(options: FastAlgebraOptions = {}): LinearAlgebra {
  const workers = options.workers ?? Math.min(8, os.availableParallelism());
  const gramRowsMin = options.gramRowsMin ?? 64;
  const pool = startKernelPool(workers);
  const twin = twinAlgebra();
  return {
    squaredDistances(source, between) {
      if (!canWalk(source)) return twin.squaredDistances(source);
      return source.n < gramRowsMin || source.precision !== 'float32'
        ? exactDistancesOfAll(pool, source, between)
        : boundedDistances(pool, source, between);
    },
    exactDistances: (source, pairs) =>
      canWalk(source) ? pairDistances(pool, source, pairs) : twin.exactDistances(source, pairs),
    distancesToMean: (source, weights) =>
      canWalk(source) ? distancesToMean(pool, source, weights) : twin.distancesToMean(source, weights),
    dots: (source, vector) => (canWalk(source) ? dots(pool, source, vector) : twin.dots(source, vector)),
    geometry(source, point, slots, sketch) {
      const isQuick = source.precision === 'float32' && (sketch === undefined || sketch.runs.columns === runColumns);
      return isQuick ? geometry(pool, source, point, slots, sketch) : twin.geometry(source, point, slots, sketch);
    },
    combine(source, weights, divisor, sink) {
      if (source.joinedFrom?.every((part) => canWalk(part.source)))
        return combineJoined(pool, source, weights, divisor, sink);
      if (canWalk(source)) return combine(pool, source, weights, divisor, sink);
      return twin.combine(source, weights, divisor, sink);
    },
    reduceColumns: (source, reduction, sink) =>
      canWalk(source) ? reduceColumns(pool, source, reduction, sink) : twin.reduceColumns(source, reduction, sink),
    close: () => pool.close(),
  };
}

async function exactDistancesOfAll(pool: KernelPool, source: UpdateBlocks, between?: number): Promise<DistanceMatrix> {
  const { n } = source;
  const pairs: RowPair[] = [];
  for (let i = 0; i < (between ?? n); i++) for (let j = between ?? i + 1; j < n; j++) pairs.push([i, j]);
  const distances = await pairDistances(pool, source, pairs);
  const values = new Float64Array(n * n);
  pairs.forEach(([i, j], at) => {
    values[i * n + j] = values[j * n + i] = distances[at] as number;
  });
  return { n, values, errorOf: () => 0, rowErrors: new Float64Array(n) };
}

async function boundedDistances(pool: KernelPool, source: UpdateBlocks, between?: number): Promise<DistanceMatrix> {
  const matrix = await gramDistances(pool, source, between);
  const { n, values } = matrix;
  const loose = loosePairs(matrix, relativeErrorMax, between);
  if (loose.length === 0) return matrix;
  const exact = await pairDistances(pool, source, loose);
  const settled = new Uint8Array(Math.ceil((n * n) / 8)); // One bit a pair: 12 MB for 10,000 rows.
  loose.forEach(([i, j], at) => {
    values[i * n + j] = values[j * n + i] = exact[at] as number;
    for (const place of [i * n + j, j * n + i])
      settled[place >>> 3] = (settled[place >>> 3] as number) | (1 << (place & 7));
  });
  return {
    n,
    values,
    errorOf(i, j) {
      const place = i * n + j;
      return ((settled[place >>> 3] as number) & (1 << (place & 7))) === 0 ? matrix.errorOf(i, j) : 0;
    },
    // A row without a finite bound has had all of its pairs settled.
    rowErrors: matrix.rowErrors.map((error) => (Number.isFinite(error) ? error : 0)),
  };
}
