import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { unsignedZero } from '../../../base/text/number.ts';
import { ScoreWindow } from './score-window.ts';

describe('ScoreWindow', () => {
  it('says the same as sorting the newest scores anew', () => {
    const score = fc.double({ noNaN: true, min: -5, max: 5 }).map(unsignedZero); // Zeros of two signs have no order.
    const scores = fc.array(score, { minLength: 1, maxLength: 60 });
    fc.assert(
      fc.property(
        scores,
        fc.integer({ min: 1, max: 20 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (all, size, share) => {
          const window = new ScoreWindow(size);
          for (const score of all) window.push(score);
          const newest = all.slice(-size);
          const sorted = [...newest].sort((a, b) => a - b);
          expect(window.length).toBe(newest.length);
          const [first = 0] = all;
          expect(window.below(first)).toBe(sorted.filter((one) => one < first).length);
          expect([-1, 0, sorted.length - 1, sorted.length].map((place) => window.at(place))).toEqual(
            [-1, 0, sorted.length - 1, sorted.length].map((place) => sorted[place]),
          );
          expect(window.latest(5)).toEqual(newest.slice(-5).reverse());
          expect(window.quantile(share)).toBe(sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]);
        },
      ),
    );
  });

  it('is not thrown out of order by what is no number', () => {
    const window = new ScoreWindow(3);
    for (const score of [2, Number.NaN, 1, Number.POSITIVE_INFINITY, 3]) window.push(score);
    expect([window.quantile(0), window.quantile(0.5), window.quantile(1)]).toEqual([1, 3, Number.POSITIVE_INFINITY]);
  });
});
