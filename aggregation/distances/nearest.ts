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
      const otherAt = (at: number) => (at < row ? at : at + 1);
      const bounds = boundsOf(distances, row, otherAt);
      const cut = cutLowest(bounds, count);
      const open = cut.undecided.map(otherAt).filter((other) => distances.error(row, other) > 0);
      if (open.length === 0) found.set(row, resolveCut(cut, bounds.low, count).map(otherAt));
      for (const other of open) pairs.push([row, other]);
    }
    if (pairs.length === 0) return rows.map((row) => found.get(row) as number[]);
    await distances.settle(pairs);
  }
}

function boundsOf(distances: KnownDistances, row: number, otherAt: (at: number) => number): Bounds {
  const low = new Float64Array(distances.n - 1);
  const high = new Float64Array(distances.n - 1);
  for (let at = 0; at < low.length; at++) {
    const value = distances.value(row, otherAt(at));
    const error = distances.error(row, otherAt(at));
    low[at] = error === 0 ? value : Math.max(0, value - error);
    high[at] = value + error;
  }
  return { low, high };
}
