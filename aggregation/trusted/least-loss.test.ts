import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { nearestOnCappedSimplex } from './capped-simplex.ts';
import { type LossOfMixture, leastLoss } from './least-loss.ts';

const sumOf = (values: Float64Array) => values.reduce((sum, value) => sum + value, 0);
const squaredDistance = (a: Float64Array, b: Float64Array) =>
  a.reduce((sum, x, i) => sum + (x - (b[i] as number)) ** 2, 0);

describe('nearestOnCappedSimplex', () => {
  const points = fc.array(fc.double({ min: -3, max: 3, noNaN: true }), { minLength: 1, maxLength: 12 });

  test('gives a point of the set, and none on it is nearer', () =>
    fc.assert(
      fc.property(points, fc.double({ min: 1, max: 4, noNaN: true }), fc.nat(), (values, wider, seed) => {
        const point = Float64Array.from(values);
        const n = point.length;
        const cap = Math.min(1, wider / n);
        const nearest = nearestOnCappedSimplex(point, cap);
        expect(sumOf(nearest)).toBeCloseTo(1, 10);
        expect(nearest.every((value) => value >= 0 && value <= cap)).toBe(true);
        // Moving weight between any two rows, as far as the set allows, never comes nearer.
        const [i, j] = [seed % n, (seed + 1) % n];
        const step = Math.min(0.01, nearest[i] as number, cap - (nearest[j] as number));
        const moved = nearest.slice();
        moved[i] = (moved[i] as number) - step;
        moved[j] = (moved[j] as number) + step;
        if (n > 1)
          expect(squaredDistance(point, moved)).toBeGreaterThanOrEqual(squaredDistance(point, nearest) - 1e-12);
      }),
    ));

  test('refuses a cap that leaves less than 1 in all', () => {
    expect(() => nearestOnCappedSimplex(new Float64Array(4), 0.2)).toThrow(/below 1 in all/);
  });
});

/** ½ aᵀQa + bᵀa with Q = RᵀR. */
function quadratic(rows: readonly (readonly number[])[], linear: readonly number[]): LossOfMixture {
  return async (shares) => {
    const through = rows.map((row) => row.reduce((sum, r, i) => sum + r * (shares[i] as number), 0));
    const slopes = Float64Array.from(
      linear,
      (b, i) => b + rows.reduce((sum, row, k) => sum + (row[i] as number) * (through[k] as number), 0),
    );
    const loss =
      through.reduce((sum, t) => sum + 0.5 * t * t, 0) +
      linear.reduce((sum, b, i) => sum + b * (shares[i] as number), 0);
    return { loss, slopes };
  };
}

describe('leastLoss', () => {
  const numbers = (length: number) =>
    fc.array(fc.double({ min: -2, max: 2, noNaN: true }), { minLength: length, maxLength: length });

  test('finds what a fine grid finds, for three rows', () =>
    fc.assert(
      fc.asyncProperty(fc.tuple(numbers(3), numbers(3)), numbers(3), async (rows, linear) => {
        const lossOf = quadratic(rows, linear);
        const parameters = { cap: 0.6, pull: 0.3, stepsMax: 500 };
        const found = await leastLoss(lossOf, 3, parameters);
        const valueAt = async (shares: Float64Array) =>
          (await lossOf(shares)).loss + 0.15 * shares.reduce((sum, share) => sum + (share - 1 / 3) ** 2, 0);
        let least = Number.POSITIVE_INFINITY;
        for (let a = 0; a <= 60; a++) {
          for (let b = Math.max(0, 40 - a); b <= Math.min(60, 100 - a); b++) {
            least = Math.min(least, await valueAt(Float64Array.of(a / 100, b / 100, (100 - a - b) / 100)));
          }
        }
        expect(await valueAt(found.shares)).toBeLessThanOrEqual(least + 1e-6);
        expect(found.shares.every((share) => share >= 0 && share <= 0.6)).toBe(true);
      }),
      { numRuns: 40 },
    ));

  test('is never worse than all alike, and says so when its steps run out', async () => {
    const lossOf = quadratic([[1, -2, 0.5, 3], [2, 2, -1, 0]], [0, 0.1, 0, -0.2]); // biome-ignore format: one line
    const uniform = (await lossOf(new Float64Array(4).fill(0.25))).loss;
    const short = await leastLoss(lossOf, 4, { cap: 0.5, pull: 0, stepsMax: 1 });
    expect(short.at.loss).toBeLessThan(uniform);
    expect(short.convergence).toMatchObject({ steps: 1, converged: false });
    const long = await leastLoss(lossOf, 4, { cap: 0.5, pull: 0, stepsMax: 500 });
    expect(long.convergence.converged).toBe(true);
    expect(long.at.loss).toBeLessThanOrEqual(short.at.loss);
  });
});
