import type { RowPair } from '../linear-algebra.ts';
import { type Bounds, cutLowest, resolveCut } from './cut.ts';
import type { KnownDistances } from './known-distances.ts';

/**
 * For each of `rows`, its `count` nearest other rows (of all n), ascending by row. Decided as exact distances decide,
 * ties to the lower row; all doubts are settled in one go, so that the updates are read once more at most.
 */
export async function nearestOthers(
  distances: KnownDistances,
  rows: readonly number[],
  count: number,
): Promise<number[][]> {
  const found = new Map<number, number[]>();
  for (;;) {
    const pairs: RowPair[] = [];
    for (const row of rows.filter((row) => !found.has(row))) {
      const others = othersOf(row, distances.n);
      const bounds = boundsOf(distances, row, others);
      const cut = cutLowest(bounds, count);
      const open = cut.undecided.filter((at) => distances.error(row, others[at] as number) > 0);
      if (open.length > 0) pairs.push(...open.map((at): RowPair => [row, others[at] as number]));
      else
        found.set(
          row,
          resolveCut(cut, bounds.low, count).map((at) => others[at] as number),
        );
    }
    if (pairs.length === 0) return rows.map((row) => found.get(row) as number[]);
    await distances.settle(pairs);
  }
}

function othersOf(row: number, n: number): number[] {
  return Array.from({ length: n - 1 }, (_, at) => (at < row ? at : at + 1));
}

function boundsOf(distances: KnownDistances, row: number, others: readonly number[]): Bounds {
  const low = new Float64Array(others.length);
  const high = new Float64Array(others.length);
  others.forEach((other, at) => {
    const value = distances.value(row, other);
    const error = distances.error(row, other);
    low[at] = error === 0 ? value : Math.max(0, value - error);
    high[at] = value + error;
  });
  return { low, high };
}
