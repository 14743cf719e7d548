import { expect, it } from 'vitest';
import { normalValues, seededRandom } from '../../base/random.ts';
import { isolationForest } from './isolation-forest.ts';

it('isolationForest › sets apart what lies apart, and gives the middle of a cloud less than one half', () => {
  const score = isolationForest(normalValues(3 * 1_000, 1, seededRandom(1)), 3, { seed: 2 });
  const [middle, edge, far] = score(Float32Array.of(0, 0, 0, 2.5, 0, 0, 9, 9, -9)) as unknown as [
    number,
    number,
    number,
  ];
  expect(middle).toBeLessThan(0.5); // Liu et al.: scores well below 0.5 are safe, close to 1 anomalies.
  expect(edge).toBeGreaterThan(middle);
  expect(far).toBeGreaterThan(0.7);
  expect(far).toBeGreaterThan(edge);
});
