import type { ColumnReduction } from '../linear-algebra.ts';

/** One column's answer. sorted: its n finite values in ascending order. Exact order of operations: see ColumnReduction. */
export function reduceColumn(sorted: Float64Array, reduction: ColumnReduction): number {
  switch (reduction.kind) {
    case 'median':
      return medianOf(sorted);
    case 'trimmedMean':
      return trimmedMeanOf(sorted, reduction.trim);
    case 'meanAroundMedian':
      return meanAroundMedianOf(sorted, reduction.keep);
  }
}

function medianOf(sorted: Float64Array): number {
  const n = sorted.length;
  const upper = sorted[n >> 1] as number;
  return n % 2 === 1 ? upper : ((sorted[(n >> 1) - 1] as number) + upper) / 2;
}

function trimmedMeanOf(sorted: Float64Array, trim: number): number {
  let sum = 0;
  for (let i = trim; i < sorted.length - trim; i++) sum += sorted[i] as number;
  return sum / (sorted.length - 2 * trim);
}

function meanAroundMedianOf(sorted: Float64Array, keep: number): number {
  const n = sorted.length;
  const median = medianOf(sorted);
  let above = n >> 1;
  let below = above - 1;
  let sum = 0;
  for (let kept = 0; kept < keep; kept++) {
    const belowGap = below >= 0 ? median - (sorted[below] as number) : Number.POSITIVE_INFINITY;
    const aboveGap = above < n ? (sorted[above] as number) - median : Number.POSITIVE_INFINITY;
    sum += (belowGap <= aboveGap ? sorted[below--] : sorted[above++]) as number;
  }
  return sum / keep;
}
