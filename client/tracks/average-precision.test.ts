import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { averagePrecision } from './average-precision.ts';

describe('averagePrecision', () => {
  it('is what a hand count gives', () => {
    // Ranked: + - + - : precision 1 at the first, 2/3 at the second.
    expect(averagePrecision([3, 1], [4, 2])).toBeCloseTo((1 + 2 / 3) / 2, 12);
    expect(averagePrecision([1, 1, 1], [1])).toBe(0.25);
    expect(averagePrecision([1], [])).toBeNaN();
  });

  it('is 1 for a perfect ranking, at least the share of positives, and does not depend on the order', () => {
    const scores = fc.array(fc.integer({ min: 0, max: 20 }), { minLength: 1, maxLength: 30 });
    fc.assert(
      fc.property(scores, scores, (negative, positive) => {
        const found = averagePrecision(negative, positive);
        expect(averagePrecision(negative.toReversed(), positive.toReversed())).toBeCloseTo(found, 12);
        expect(found).toBeGreaterThan(0);
        expect(
          averagePrecision(
            negative,
            positive.map((score) => score + 100),
          ),
        ).toBe(1);
      }),
    );
  });
});
