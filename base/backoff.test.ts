import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fullJitterMs } from './backoff.ts';

const backoff = { firstMs: 300, maxMs: 20_000 };

describe('fullJitterMs', () => {
  it('stays within zero and the growing ceiling, whatever the attempt', () => {
    fc.assert(
      fc.property(fc.nat(1_000_000), fc.double({ min: 0, max: 0.999_999, noNaN: true }), (attempt, unit) => {
        const pause = fullJitterMs(backoff, attempt, unit);
        expect(pause).toBeGreaterThanOrEqual(0);
        expect(pause).toBeLessThan(Math.min(20_000, 300 * 2 ** attempt) + 1);
      }),
    );
  });

  it('doubles its ceiling until the maximum', () => {
    expect([0, 1, 2, 6, 7, 40].map((attempt) => fullJitterMs(backoff, attempt, 0.5))).toEqual([
      150, 300, 600, 9_600, 10_000, 10_000,
    ]);
  });

  it('uses the whole interval, so that clients do not return in step', () => {
    expect([fullJitterMs(backoff, 3, 0), fullJitterMs(backoff, 3, 0.999)]).toEqual([0, 2_397]);
  });
});
