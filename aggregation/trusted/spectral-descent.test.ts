import fc from 'fast-check';
import { expect, test } from 'vitest';
import { descent, type Point, squared, squaredDistance } from './spectral-descent.ts';

/** ½ Σ weights[j] (x[j] − least[j])², infinite where a point lies outside `within` of zero. */
function bowl(weights: readonly number[], least: readonly number[], within = Number.POSITIVE_INFINITY) {
  const asked: Float64Array[] = [];
  const at = async (x: Float64Array): Promise<Point> => {
    asked.push(x);
    const away = x.map((value, j) => value - (least[j] as number));
    const slope = away.map((value, j) => (weights[j] as number) * value);
    const value = away.reduce((sum, each, j) => sum + 0.5 * (slope[j] as number) * each, 0);
    return { x, value: Math.sqrt(squared(x)) > within ? Number.POSITIVE_INFINITY : value, slope };
  };
  return { at, asked };
}

const start = Float64Array.of(3, -2);
const short = { length: () => 0.1, stepsMax: 50 };

test('descent › finds the least of what curves, from a step that is far too short', async () => {
  const { at, asked } = bowl([1, 20], [1, 1]);
  const { x, value } = await descent(at, await at(start), short);
  expect([...x].map((each) => each.toFixed(3))).toEqual(['1.000', '1.000']);
  expect(value).toBeLessThan(1e-5);
  expect(asked.length).toBeLessThan(40);
});

test('descent › takes no more steps than it may, and none from where nothing slopes', async () => {
  const { at } = bowl([1, 20], [1, 1]);
  const here = await at(start);
  expect(await descent(at, here, { ...short, stepsMax: 0 })).toBe(here);
  const { at: flat, asked } = bowl([0, 0], [1, 1]);
  const level = await flat(start);
  expect(await descent(flat, level, { length: (slope) => 1 / Math.sqrt(squared(slope)), stepsMax: 5 })).toBe(level);
  expect(asked).toHaveLength(1);
});

test('descent › stays where no number comes out', async () => {
  const at = async (x: Float64Array) => ({ x, value: Number.NaN, slope: Float64Array.of(1, 1) });
  const here = await at(start);
  expect(await descent(at, here, short)).toBe(here);
});

test('descent › never rises, and ends at no point whose value is infinite', () => {
  const number = fc.integer({ min: -8, max: 8 });
  const weight = fc.constantFrom(0.1, 1, 7);
  return fc.assert(
    fc.asyncProperty(
      fc.tuple(weight, weight, fc.tuple(number, number), fc.constantFrom(0.01, 1, 100)),
      fc.constantFrom(4, 6),
      async ([first, second, least, length], within) => {
        const { at } = bowl([first, second], least, within);
        const here = await at(start); // √13 from zero: inside.
        const { x, value } = await descent(at, here, { length: () => length, stepsMax: 10 });
        expect(value).toBeLessThanOrEqual(here.value);
        expect(Math.sqrt(squared(x))).toBeLessThanOrEqual(within);
      },
    ),
    { numRuns: 100 },
  );
});

test('squaredDistance › is that of the difference', () => {
  expect(squaredDistance(Float64Array.of(1, 5), Float64Array.of(4, 1))).toBe(25);
});
