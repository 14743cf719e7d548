import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { areaUnderRoc, detectionRateAt, thresholdAt } from './metrics.ts';

// Few distinct values, so that ties are common.
const scores = fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 1, maxLength: 40 });

describe('areaUnderRoc', () => {
  it('is the share of pairs in which the hostile one scores higher, ties counting half', () => {
    fc.assert(
      fc.property(scores, scores, (benign, hostile) => {
        let wins = 0;
        for (const low of benign) for (const high of hostile) wins += high > low ? 1 : high === low ? 0.5 : 0;
        expect(areaUnderRoc(benign, hostile)).toBeCloseTo(wins / (benign.length * hostile.length), 10);
      }),
    );
  });

  it('is not a number without both kinds', () => {
    expect(areaUnderRoc([], [1])).toBeNaN();
    expect(areaUnderRoc([1], [])).toBeNaN();
  });
});

describe('detectionRateAt', () => {
  it('never lets more benign scores alarm than the rate allows, and no lower threshold would do', () => {
    fc.assert(
      fc.property(scores, fc.double({ min: 0, max: 0.999, noNaN: true }), (benign, rate) => {
        const threshold = thresholdAt(benign, rate);
        expect(benign.filter((score) => score > threshold).length).toBeLessThanOrEqual(rate * benign.length);
        const lower = Math.max(...benign.filter((score) => score < threshold));
        if (Number.isFinite(lower)) {
          expect(benign.filter((score) => score > lower).length).toBeGreaterThan(rate * benign.length);
        }
      }),
    );
  });

  it('finds what lies above the allowed false alarms', () => {
    expect(detectionRateAt([1, 2, 3, 4], [0, 3.5, 5], 0.25)).toBeCloseTo(2 / 3);
    expect(detectionRateAt([1, 2, 3, 4], [0, 3.5, 5], 0)).toBeCloseTo(1 / 3);
  });
});
