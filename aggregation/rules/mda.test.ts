import fc from 'fast-check';
import { expect, test } from 'vitest';
import { seededNumbers } from '../../base/random.ts';
import { blocksOf, granted, normalVectors } from '../algebra/samples.ts';
import { twinAlgebra } from '../algebra/twin-algebra.ts';
import { updatesOf } from '../updates.ts';
import { minimumDiameterAveraging, refuseSubsets } from './mda.ts';

/** Every subset of `size` rows in lexicographic order. */
function subsetsOf(rows: readonly number[], size: number): number[][] {
  if (size === 0) return [[]];
  return rows.flatMap((row, at) => subsetsOf(rows.slice(at + 1), size - 1).map((rest) => [row, ...rest]));
}

test('minimumDiameterAveraging › finds the subset that trying all of them finds', () =>
  fc.assert(
    fc.asyncProperty(fc.integer({ min: 3, max: 9 }), fc.integer({ min: 0, max: 4 }), fc.nat(), async (n, f, seed) => {
      fc.pre(2 * f < n);
      const source = blocksOf(normalVectors(seededNumbers(`mda ${seed}`), n, 4));
      const { values } = await twinAlgebra().squaredDistances(source);
      const apart = (subset: number[]) =>
        subset.flatMap((i) => subset.filter((j) => j > i).map((j) => values[i * n + j] as number));
      const all = subsetsOf([...Array(n).keys()], n - f).map((subset) => ({ subset, apart: apart(subset) }));
      const least = Math.min(...all.map(({ apart }) => Math.max(0, ...apart)));
      const sum = (distances: number[]) => distances.reduce((total, value) => total + value, 0);
      const [best] = all
        .filter(({ apart }) => Math.max(0, ...apart) === least)
        .toSorted((a, b) => sum(a.apart) - sum(b.apart));
      const decided = granted(await minimumDiameterAveraging(updatesOf(twinAlgebra(), source), f));
      expect(decided.selected).toEqual(best?.subset);
    }),
    { numRuns: 150 },
  ));

test('refuseSubsets › names the largest f that can be afforded', () => {
  expect(refuseSubsets(25, 5)).toBeUndefined();
  expect(refuseSubsets(25, 6)).toMatchObject({ fault: { code: 'TOO_MANY_SUBSETS', fields: { fMax: 5 } } });
});
