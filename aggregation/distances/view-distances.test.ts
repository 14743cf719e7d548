import fc from 'fast-check';
import { expect, test } from 'vitest';
import { seededNumbers, shuffled } from '../../base/random.ts';
import { blocksOf, blurredAlgebra, normalVectors } from '../algebra/samples.ts';
import { twinAlgebra } from '../algebra/twin-algebra.ts';
import { groupMeans, scaledRows } from '../blocks/views.ts';
import { squaredNormsOf } from '../updates.ts';
import { knownDistances } from './known-distances.ts';
import { groupMeanDistances, identityOfGroups, scaledDistances } from './view-distances.ts';

const shapes = fc.record({
  n: fc.integer({ min: 2, max: 14 }),
  d: fc.constantFrom(1, 2, 7, 300, 3000),
  offset: fc.constantFrom(0, 50, 1e5),
  blur: fc.constantFrom(0, 1e-6, 0.1),
  seed: fc.nat(),
});

/** Derived distances of a view and the exact ones, with the bounds that were promised. */
async function compared(
  kind: 'scaled' | 'means',
  { n, d, offset, blur, seed }: { n: number; d: number; offset: number; blur: number; seed: number },
) {
  const random = seededNumbers(`views ${seed}`);
  const base = blocksOf(normalVectors(random, n, d, offset));
  const algebra = blurredAlgebra(`blur ${seed}`, blur);
  const known = knownDistances(algebra, base, await algebra.squaredDistances(base));
  const norms = await squaredNormsOf(algebra, base);
  const factors = Float64Array.from({ length: n }, () => (random.integer(3) === 0 ? 1 : random.uniform() ** 6));
  const groups = Array.from(
    { length: n },
    () =>
    shuffled([...Array(n).keys()], random).slice(0, 1 + random.integer(n)).sort((a, b) => a - b), // biome-ignore format: one line
  );
  const view = kind === 'scaled' ? scaledRows(base, factors) : groupMeans(base, groups);
  const derived =
    kind === 'scaled' ? scaledDistances(known, norms, factors, d) : groupMeanDistances(known, norms, groups, d);
  return { derived, exact: await twinAlgebra().squaredDistances(view), groups };
}

test.each(['scaled', 'means'] as const)('distances of %s rows are within their bounds of exact ones', async (kind) => {
  await fc.assert(
    fc.asyncProperty(shapes, async (shape) => {
      const { derived, exact } = await compared(kind, shape);
      for (let i = 0; i < shape.n; i++) {
        for (let j = 0; j < shape.n; j++) {
          if (i === j) continue;
          const gap = Math.abs((derived.values[i * shape.n + j] as number) - (exact.values[i * shape.n + j] as number));
          const bound = derived.errorOf(i, j);
          expect(gap).toBeLessThanOrEqual(bound);
          const rows = (derived.rowErrors[i] as number) + (derived.rowErrors[j] as number);
          expect(bound).toBeLessThanOrEqual(rows * (1 + 1e-12));
        }
      }
    }),
    { numRuns: 150 },
  );
});

test('bounds of derived distances are tight enough to decide with', async () => {
  const { derived, exact } = await compared('means', { n: 12, d: 3000, offset: 0, blur: 0, seed: 1 });
  for (let j = 1; j < 12; j++) expect(derived.errorOf(0, j)).toBeLessThan(1e-10 * (1 + (exact.values[j] as number)));
});

test('identityOfGroups › is the same for equal groups only', () => {
  expect([...identityOfGroups([[0, 1], [0], [0, 1], [1], [0]])]).toEqual([0, 1, 0, 3, 1]); // biome-ignore format: one line
});
