import type { AggregateSink, UpdateBlocks } from './blocks/blocks.ts';
import type { Geometry, TensorSlot } from './geometry.ts';
import type { Sketch } from './places/sketch.ts';

/**
 * The linear algebra under the rules. `twin-algebra.ts` is the slow, obvious one; others must give the same bits
 * everywhere except in `squaredDistances`, which may be approximate and says by how much.
 *
 * **Exact**, throughout aggregation, means float64 arithmetic in the order that `ordered-sums.ts` fixes: it depends on
 * the values alone, not on blocks, workers or machine. Rules decide with approximate distances only what their error
 * bounds leave no doubt about; the rest they ask for again, exactly.
 */
export interface LinearAlgebra {
  /**
   * All pairs. Ownership passes to the caller, who may overwrite `values`. With `between`, pairs of a row before that one and a row
   * from it on are wanted alone: of the others nothing is promised.
   */
  squaredDistances(source: UpdateBlocks, between?: number): Promise<DistanceMatrix>;
  /** Exact squared distances of row pairs, shape [pairs.length]. */
  exactDistances(source: UpdateBlocks, pairs: readonly RowPair[]): Promise<Float64Array>;
  /**
   * Exact ‖x_i − z‖² for every row, z = Σ weights[j] x_j (in row order, zero weights skipped). weights: shape [n].
   * Returns shape [n]. One pass; what geometric median and centred clipping iterate on.
   */
  distancesToMean(source: UpdateBlocks, weights: Float64Array): Promise<Float64Array>;
  /** Exact x_i · vector for every row; vector: shape [d]. Returns shape [n]. One pass. */
  dots(source: UpdateBlocks, vector: Float32Array | Float64Array): Promise<Float64Array>;
  /** Exact, as geometry.ts says. */
  geometry(source: UpdateBlocks, point: Float64Array, slots: readonly TensorSlot[], sketch?: Sketch): Promise<Geometry>;
  /**
   * Writes (Σ weights[j] x_j) / divisor to the sink: float64, rows in order, zero weights skipped. With weights of 1 and
   * a divisor of m it is the mean of m rows, exact when they are equal.
   */
  combine(source: UpdateBlocks, weights: Float64Array, divisor: number, sink: AggregateSink): Promise<void>;
  /** One value per column, from that column's n values alone. */
  reduceColumns(source: UpdateBlocks, reduction: ColumnReduction, sink: AggregateSink): Promise<void>;
  /** May be called twice. */
  close(): Promise<void>;
}

export type RowPair = readonly [number, number];

/** Squared distances as known so far. */
export interface DistanceMatrix {
  readonly n: number;
  /** Shape [n, n], row-major, symmetric, zero diagonal, never negative. */
  readonly values: Float64Array;
  /** |values[i, j] − exact value| is at most this, for i ≠ j. Symmetric; 0 where exact. */
  errorOf(i: number, j: number): number;
  /** Shape [n]: errorOf(i, j) ≤ rowErrors[i] + rowErrors[j]. What bounds of mixed rows are made from. */
  readonly rowErrors: Float64Array;
}

/**
 * With v the column's values in ascending order:
 * - median: v's middle value, for an even n the mean of the two middle ones, (a + b) / 2;
 * - trimmedMean: v without its `trim` first and last, summed in ascending order, divided by their count;
 * - meanAroundMedian: the `keep` values met first when walking outwards from the median (as above), always to the closer
 *   side and to the lower one on equal distance; summed in the order met, divided by keep. Bulyan's second phase.
 */
export type ColumnReduction = Readonly<
  { kind: 'median' } | { kind: 'trimmedMean'; trim: number } | { kind: 'meanAroundMedian'; keep: number }
>;
