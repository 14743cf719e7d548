import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Point, squared, squaredDistance } from './line-search.ts';
import { descent } from './spectral-descent.ts';

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
const short = { length: () => 0.1, stepsMax: 50, search: 'eightHalvings' } as const;

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
  expect(await descent(flat, level, { ...short, length: (slope) => 1 / Math.sqrt(squared(slope)) })).toBe(level);
  expect(asked).toHaveLength(1);
});

test('descent › stays where no number comes out', async () => {
  const at = async (x: Float64Array) => ({ x, value: Number.NaN, slope: Float64Array.of(1, 1) });
  const here = await at(start);
  expect(await descent(at, here, short)).toBe(here);
});

test('descent › gives up on a loss that is far steeper than its step is short after eight halvings, and not where it is patient', async () => {
  const { at, asked } = bowl([1e6, 1e6], [1, 1]);
  const here = await at(start);
  expect(await descent(at, here, short)).toBe(here);
  expect(asked).toHaveLength(1 + 8);
  const { x } = await descent(at, here, { ...short, search: 'patient' });
  expect([...x].map((each) => each.toFixed(6))).toEqual(['1.000000', '1.000000']);
});

test('descent › is patient to the same bit where eight halvings are enough', async () => {
  const { at } = bowl([1, 20], [1, 1]);
  const here = await at(start);
  const once = { ...short, length: () => 3 }; // Two halvings at the first step.
  expect(await descent(at, here, { ...once, search: 'patient' })).toEqual(await descent(at, here, once));
});

test('descent › is not patient for ever: not where a step could gain nothing that counts, nor where any seems to', async () => {
  const { at, asked } = bowl([1, 20], [1, 1], 3.6055513); // Start is at √13: all but a hair around it lies outside, or higher.
  const uphill = async (x: Float64Array): Promise<Point> => {
    const { value, slope } = await at(x);
    return { x, value, slope: slope.map((each) => -each) };
  };
  const here = await uphill(start);
  expect(await descent(uphill, here, { ...short, length: () => 1, search: 'patient' })).toBe(here);
  // 2^−k ‖slope‖² falls below a millionth of the value.
  expect(asked).toHaveLength(1 + Math.ceil(Math.log2(squared(here.slope) / (1e-6 * here.value))));
  let tried = 0;
  const steepest = async (x: Float64Array): Promise<Point> => {
    tried++;
    return { x, value: 1, slope: Float64Array.of(Number.POSITIVE_INFINITY, 0) };
  };
  const cliff = await steepest(start);
  expect(await descent(steepest, cliff, { ...short, search: 'patient' })).toBe(cliff);
  expect(tried).toBe(1 + 60);
});

test('descent › never rises, and ends at no point whose value is infinite', () => {
  const number = fc.integer({ min: -8, max: 8 });
  const weight = fc.constantFrom(0.1, 1, 7);
  return fc.assert(
    fc.asyncProperty(
      fc.tuple(weight, weight, fc.tuple(number, number), fc.constantFrom(0.01, 1, 100)),
      fc.constantFrom(4, 6),
      fc.constantFrom('eightHalvings', 'patient'),
      async ([first, second, least, length], within, search) => {
        const { at } = bowl([first, second], least, within);
        const here = await at(start); // √13 from zero: inside.
        const { x, value } = await descent(at, here, { length: () => length, stepsMax: 10, search });
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
