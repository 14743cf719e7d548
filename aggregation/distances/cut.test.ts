import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Bounds, cutLowest, resolveCut, unordered } from './cut.ts';

/** Small whole numbers, so that bounds touch, overlap and coincide often. */
const boundsArbitrary = fc
  .array(fc.tuple(fc.integer({ min: 0, max: 8 }), fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: 3 })), {
    minLength: 1,
    maxLength: 14,
  })
  .map((items) => ({
    bounds: {
      low: Float64Array.from(items, ([value, below]) => value - below),
      high: Float64Array.from(items, ([value, , above]) => value + above),
    } satisfies Bounds,
    truth: Float64Array.from(items, ([value]) => value),
  }));

function ranked(values: Float64Array): number[] {
  return [...values.keys()].sort((a, b) => (values[a] as number) - (values[b] as number) || a - b);
}

test('cutLowest › is never sure of what the true values contradict', () => {
  fc.assert(
    fc.property(boundsArbitrary, fc.integer({ min: 1, max: 14 }), ({ bounds, truth }, m) => {
      const lowest = ranked(truth).slice(0, m).sort((a, b) => a - b); // biome-ignore format: one line
      const cut = cutLowest(bounds, m);
      expect(cut.inside.every((at) => lowest.includes(at))).toBe(true);
      expect(lowest.every((at) => cut.inside.includes(at) || cut.undecided.includes(at))).toBe(true);
      expect(resolveCut(cut, truth, m)).toEqual(lowest);
    }),
    { numRuns: 2000 },
  );
});

test('cutLowest › leaves nothing open that bounds decide', () => {
  const exact = { low: Float64Array.of(3, 1, 2, 1), high: Float64Array.of(3, 1, 2, 1) };
  expect(cutLowest(exact, 2)).toEqual({ inside: [1, 3], undecided: [] });
  expect(cutLowest(exact, 1)).toEqual({ inside: [], undecided: [1, 3] });
  expect(cutLowest(exact, 4)).toEqual({ inside: [0, 1, 2, 3], undecided: [] });
});

test('unordered › names whose place the true values could change, and ties', () => {
  fc.assert(
    fc.property(boundsArbitrary, ({ bounds, truth }) => {
      const open = new Set(unordered(bounds));
      const settled = ranked(truth).filter((at) => !open.has(at));
      expect(ranked(bounds.low).filter((at) => !open.has(at))).toEqual(settled);
    }),
    { numRuns: 2000 },
  );
  expect(unordered({ low: Float64Array.of(1, 2, 5), high: Float64Array.of(2, 3, 5) })).toEqual([0, 1]);
});
