import { type Aggregated, ok, refuse } from '../fault.ts';
import { needs, refuseRows } from '../requirements.ts';
import { type Decision, meanOfRows, type Updates } from '../updates.ts';

/**
 * Most subsets that are worth looking through: under a second. C(20, 6), C(25, 5) and C(40, 4) are below it.
 */
const mdaSubsetsMax = 100_000;

/**
 * Minimum-diameter averaging: the mean of the n − f updates whose largest pairwise distance is least. Rousseeuw 1985; El
 * Mhamdi, Guerraoui, Guirguis, Hoàng, Rouault, "Genuinely Distributed Byzantine Machine Learning", PODC 2020.
 *
 * Shapes: updates [n, d] → [d]. Needs n ≥ 2f + 1: breakdown point f < n / 2. O(n²d) time for the distances, then up to
 * C(n, f) subsets: refused above `mdaSubsetsMax`. Subsets of equal diameter are common (one far pair decides it): the
 * one of least summed squared distance wins, then the first in lexicographic order of its rows. All pairs are taken
 * exactly, since any of them may decide.
 */
export async function minimumDiameterAveraging(updates: Updates, f: number): Promise<Aggregated<Decision>> {
  const { n } = updates.source;
  const refused = refuseRows({ ...needs.majority, rule: 'minimum-diameter averaging' }, n, f) ?? refuseSubsets(n, f);
  if (refused) return refused;
  const distances = await updates.distances();
  await distances.settle(allPairs(n));
  const selected = smallestDiameter(n, n - f, (i, j) => distances.value(i, j));
  return ok(meanOfRows(updates.source, selected));
}

export function refuseSubsets(n: number, f: number) {
  let fMax = 0;
  while (fMax + 1 <= needs.majority.fMax(n) && subsets(n, fMax + 1) <= mdaSubsetsMax) fMax++;
  if (f <= fMax) return undefined;
  return refuse('TOO_MANY_SUBSETS', `minimum-diameter averaging of n=${n} can afford f in 0..${fMax}, got ${f}`, {
    n,
    f,
    fMax,
  });
}

function subsets(n: number, f: number): number {
  let count = 1;
  for (let i = 1; i <= f; i++) count = (count * (n - f + i)) / i;
  return Math.round(count);
}

function allPairs(n: number): [number, number][] {
  return Array.from({ length: n }, (_, i) => i).flatMap((i) =>
    Array.from({ length: n - i - 1 }, (_, k): [number, number] => [i, i + 1 + k]),
  );
}

/** Depth first in lexicographic order, leaving a branch as soon as its diameter is above the best so far. */
function smallestDiameter(n: number, size: number, distance: (i: number, j: number) => number): number[] {
  let best: number[] = [];
  let bestDiameter = Number.POSITIVE_INFINITY;
  let bestSum = Number.POSITIVE_INFINITY;
  const chosen: number[] = [];
  const extend = (from: number, diameter: number, sum: number): void => {
    if (chosen.length === size) {
      if (diameter === bestDiameter && sum >= bestSum) return;
      [best, bestDiameter, bestSum] = [[...chosen], diameter, sum];
      return;
    }
    for (let row = from; row <= n - (size - chosen.length); row++) {
      let [wider, more] = [diameter, sum];
      for (const other of chosen) {
        const apart = distance(other, row);
        wider = Math.max(wider, apart);
        more += apart;
      }
      if (wider > bestDiameter) continue;
      chosen.push(row);
      extend(row + 1, wider, more);
      chosen.pop();
    }
  };
  extend(0, 0, 0);
  return best;
}
