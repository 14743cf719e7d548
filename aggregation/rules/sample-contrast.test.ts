import fc from 'fast-check';
import { expect, test } from 'vitest';
import { leastSquares, type SquaresExample } from '../trusted/least-squares.ts';
import type { SampleSearch } from '../trusted/sample-descent.ts';
import { placed } from './block-values.ts';
import { contrasted, takenBack } from './sample-contrast.ts';

/** Feature 0 lies elsewhere; features 1 to 3 are the blind block, of which the sample sees 1 and 2. */
const ranges = [{ offset: 1, length: 3 }];
const base = new Float32Array(4);
const known = Float64Array.of(1, 0, 0, 0);
const lossOf = (examples: readonly number[][]) =>
  leastSquares(examples.map((features): SquaresExample => ({ class: 'seen', features, value: 0 })));
type Gradient = NonNullable<ReturnType<typeof lossOf>['gradient']>;

const how = (pull: number, search: SampleSearch = 'eightHalvings') => ({ pull, search });

test('contrasted › takes back what a steep sample says too, where its search is patient', async () => {
  const { gradient } = lossOf([[0, 1000, 0, 0]]);
  const said = { ranges, values: Float64Array.of(3, 2, -1) };
  expect(await contrasted(gradient as Gradient, base, known, said, how(0.5))).toEqual(said);
  for (const search of ['patient', 'quasiNewton'] as const) {
    const { values } = await contrasted(gradient as Gradient, base, known, said, how(0.5, search));
    expect(values[0]).toBeCloseTo(0, 4);
    expect([...values.subarray(1)]).toEqual([2, -1]);
  }
});

test('contrasted › finds the minimum, and leaves what the sample has nothing of', async () => {
  const { gradient } = lossOf([[0, 1, 0, 0]]);
  const said = { ranges, values: Float64Array.of(3, 2, -1) };
  const left = await contrasted(gradient as Gradient, base, known, said, how(0.5));
  // ½ x² + ½ · 0.5 (x − 3)² is least at x = 1.
  expect(left.values[0]).toBeCloseTo(1, 4);
  expect([...left.values.subarray(1)]).toEqual([2, -1]);
  expect(takenBack(said, left)).toBeCloseTo(2 / Math.sqrt(14), 4);
  expect(takenBack(said, said)).toBe(0);
});

test.each([0, Number.POSITIVE_INFINITY, Number.NaN])(
  'contrasted › takes nothing back by a pull of %s',
  async (pull) => {
    const said = { ranges, values: Float64Array.of(3, 2, -1) };
    expect(await contrasted(lossOf([[0, 1, 0, 0]]).gradient as Gradient, base, known, said, how(pull))).toBe(said);
  },
);

test('contrasted › asks the sample nothing where nothing was said', async () => {
  const asked = () => Promise.reject(new Error('it was asked'));
  const said = { ranges: [], values: new Float64Array(0) };
  expect(await contrasted(asked, base, known, said, how(0.5))).toBe(said);
});

test('contrasted › never costs the sample anything, and moves no farther than its bound', () => {
  const small = fc.integer({ min: -6, max: 6 });
  const features = fc.array(small, { minLength: 4, maxLength: 4 });
  return fc.assert(
    fc.asyncProperty(
      fc.array(features, { minLength: 1, maxLength: 3 }),
      fc.tuple(small, small, small),
      fc.constantFrom(0.01, 0.3, 5),
      async (examples, values, pull) => {
        const gradient = lossOf(examples).gradient as Gradient;
        const said = { ranges, values: Float64Array.from(values) };
        const lossAt = async (x: Float64Array) =>
          (await gradient(Float32Array.from(placed(known, { ranges, values: x }, 1)))).loss;
        const left = await contrasted(gradient, base, known, said, how(pull));
        const before = await lossAt(said.values);
        expect(await lossAt(left.values)).toBeLessThanOrEqual(before * (1 + 1e-6) + 1e-6);
        const moved = left.values.reduce((sum, value, j) => sum + (value - (said.values[j] as number)) ** 2, 0);
        expect(moved).toBeLessThanOrEqual((2 * before) / pull + 1e-6);
      },
    ),
    { numRuns: 60 },
  );
});
