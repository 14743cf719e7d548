import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Point } from './line-search.ts';
import { quasiNewton } from './quasi-newton.ts';
import { descent } from './spectral-descent.ts';

type Valued = (x: readonly number[]) => Readonly<{ value: number; slope: readonly number[] }>;

/** ½ (x − least)ᵀ A (x − least), A = diagonal + (1, …, 1)ᵀ(1, …, 1): no coordinate goes down by itself. */
function bowl(diagonal: readonly number[], least: readonly number[]): Valued {
  return (x) => {
    const away = x.map((value, j) => value - (least[j] as number));
    const sum = away.reduce((total, value) => total + value, 0);
    const slope = away.map((value, j) => (diagonal[j] as number) * value + sum);
    return { value: away.reduce((total, value, j) => total + 0.5 * value * (slope[j] as number), 0), slope };
  };
}

/** The same, with how often it was asked. */
function asking(valued: Valued) {
  const asked: Float64Array[] = [];
  const at = async (x: Float64Array): Promise<Point> => {
    asked.push(x);
    const { value, slope } = valued([...x]);
    return { x, value, slope: Float64Array.from(slope) };
  };
  return { at, asked };
}

const dot = (a: readonly number[], b: readonly number[]) =>
  a.reduce((sum, value, j) => sum + value * (b[j] as number), 0);

/** The slow twin: the inverse of the curvature as a matrix, made anew at each step by the update of Broyden, Fletcher, Goldfarb and Shanno. */
function twin(valued: Valued, start: readonly number[], length: number, stepsMax: number): readonly number[] {
  let [x, here] = [start, valued(start)];
  let pairs: { s: number[]; y: number[] }[] = [];
  for (let step = 0; step < stepsMax; step++) {
    const last = pairs.at(-1);
    const scale = last === undefined ? length : dot(last.s, last.y) / dot(last.y, last.y);
    let inverse = x.map((_, i) => x.map((_, j) => (i === j ? scale : 0)));
    for (const { s, y } of pairs.slice(-6)) {
      const rho = 1 / dot(s, y);
      const left = x.map((_, i) => x.map((_, j) => (i === j ? 1 : 0) - rho * (s[i] as number) * (y[j] as number)));
      const half = left.map((row) => x.map((_, j) => dot(row, inverse.map((each) => each[j] as number)))); // biome-ignore format: one line
      inverse = half.map((row, i) => left.map((other, j) => dot(row, other) + rho * (s[i] as number) * (s[j] as number))); // biome-ignore format: one line
    }
    const way = inverse.map((row) => dot(row, here.slope));
    const gain = dot(way, here.slope);
    let part = 1;
    const to = () => x.map((value, j) => value - part * (way[j] as number));
    while (part * gain > 1e-6 * here.value && !(valued(to()).value <= here.value - 1e-4 * part * gain)) part /= 2;
    if (!(part * gain > 1e-6 * here.value)) {
      if (pairs.length === 0) return x;
      pairs = [];
      continue;
    }
    const [next, there] = [to(), valued(to())];
    const s = next.map((value, j) => value - (x[j] as number));
    const y = there.slope.map((value, j) => value - (here.slope[j] as number));
    if (dot(s, y) > 1e-12 * Math.sqrt(dot(s, s) * dot(y, y))) pairs.push({ s, y });
    [x, here] = [next, there];
  }
  return x;
}

const number = fc.double({ min: -4, max: 4, noNaN: true });
const weight = fc.constantFrom(0.1, 1, 7, 60);

test('quasiNewton › goes where the twin with a whole matrix goes, pairs that are forgotten included', () => {
  return fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(weight, number, number), { minLength: 2, maxLength: 5 }),
      fc.constantFrom(0.001, 0.1, 3),
      async (coordinates, length) => {
        const valued = bowl(coordinates.map(([diagonal]) => diagonal), coordinates.map(([, least]) => least)); // biome-ignore format: one line
        const start = coordinates.map(([, , from]) => from);
        const { at } = asking(valued);
        const { x } = await quasiNewton(at, await at(Float64Array.from(start)), { length: () => length, stepsMax: 9 });
        const expected = twin(valued, start, length, 9);
        // Near the least, where rounding decides which step is the last, by what a step is worth.
        expect(Math.abs(valued([...x]).value - valued(expected).value)).toBeLessThanOrEqual(
          1e-6 * valued(start).value + 1e-12,
        );
      },
    ),
    // So near the least what the pairs promise overflows, and leads to no number.
    {
      numRuns: 200,
      examples: [
        [
          [
            [0.1, 0, 0],
            [1, 0, 5.693241093375141e-149],
          ],
          0.1,
        ],
      ],
    },
  );
});

test('quasiNewton › takes the very steps of the twin while nothing is decided by rounding', async () => {
  const [valued, start] = [bowl([0.3, 2, 11, 40, 90], [1, -1, 2, 0.5, -2]), [4, 4, 4, 4, 4]];
  for (const stepsMax of [1, 2, 4, 8, 10]) {
    const { at } = asking(valued);
    const { x } = await quasiNewton(at, await at(Float64Array.from(start)), { length: () => 0.01, stepsMax });
    const expected = twin(valued, start, 0.01, stepsMax);
    for (const [j, value] of expected.entries()) expect(x[j]).toBeCloseTo(value, 6);
  }
});

test('quasiNewton › is lower after ten steps than spectral ones, for fewer evaluations', async () => {
  const valued = bowl([0.3, 2, 11, 40, 90], [1, -1, 2, 0.5, -2]);
  const of = async (run: typeof quasiNewton | typeof descent) => {
    const { at, asked } = asking(valued);
    const how = { length: () => 0.01, stepsMax: 10, search: 'patient' } as const;
    const { value } = await run(at, await at(Float64Array.of(4, 4, 4, 4, 4)), how);
    return { value, asked: asked.length };
  };
  const [quasi, spectral] = [await of(quasiNewton), await of(descent)];
  expect(quasi.value).toBeLessThan(0.5 * spectral.value);
  expect(quasi.asked).toBeLessThanOrEqual(spectral.asked);
});

test('quasiNewton › finds a least that lies far nearer than its first step is long', async () => {
  const { at } = asking(bowl([1e6, 1e6], [1, 1]));
  const { x } = await quasiNewton(at, await at(Float64Array.of(3, -2)), { length: () => 0.1, stepsMax: 50 });
  expect([...x].map((each) => each.toFixed(4))).toEqual(['1.0000', '1.0000']);
});

test('quasiNewton › forgets what it learnt where that misleads, and goes on by the slope', async () => {
  // A wall at 2: whatever the curvature promises leads through it, and all values behind it are infinite.
  const curved = bowl([1, 400], [5, 0]);
  const walled: Valued = (x) => ((x[0] as number) > 2 ? { value: Number.POSITIVE_INFINITY, slope: [0, 0] } : curved(x));
  const { at, asked } = asking(walled);
  const { x, value } = await quasiNewton(at, await at(Float64Array.of(0, 1)), { length: () => 0.001, stepsMax: 60 });
  expect(x[0]).toBeLessThanOrEqual(2);
  expect(x[0]).toBeGreaterThan(1.9);
  expect(value).toBeLessThan(walled([1.9, 0]).value);
  expect(asked.some((each) => (each[0] as number) > 2)).toBe(true);
});

test('quasiNewton › never rises, stays where no number comes out, and takes no more steps than it may', async () => {
  await fc.assert(
    fc.asyncProperty(number, number, fc.integer({ min: 0, max: 12 }), async (first, second, stepsMax) => {
      // A wave: it curves downwards as often as upwards.
      const wave: Valued = ([a = 0, b = 0]) => ({
        value: 2 + Math.sin(a) * Math.cos(b),
        slope: [Math.cos(a) * Math.cos(b), -Math.sin(a) * Math.sin(b)],
      });
      const { at } = asking(wave);
      const here = await at(Float64Array.of(first, second));
      const found = await quasiNewton(at, here, { length: () => 1, stepsMax });
      expect(found.value).toBeLessThanOrEqual(here.value);
      if (stepsMax === 0) expect(found).toBe(here);
    }),
    { numRuns: 200 },
  );
  const at = async (x: Float64Array) => ({ x, value: Number.NaN, slope: Float64Array.of(1, 1) });
  const here = await at(Float64Array.of(3, -2));
  expect(await quasiNewton(at, here, { length: () => 0.1, stepsMax: 5 })).toBe(here);
});

test('quasiNewton › gives the same bits again', async () => {
  const run = async () => {
    const { at } = asking(bowl([0.3, 2, 11], [1, -1, 2]));
    return quasiNewton(at, await at(Float64Array.of(4, 4, 4)), { length: () => 0.01, stepsMax: 7 });
  };
  const once = await run();
  expect(await run()).toEqual(once);
  expect([...once.x].map((value) => value.toPrecision(12))).toMatchInlineSnapshot(`
    [
      "1.00081782162",
      "-0.998791354378",
      "1.99945444625",
    ]
  `);
});
