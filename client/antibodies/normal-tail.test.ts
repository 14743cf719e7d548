import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../base/random.ts';
import { NormalTail } from './normal-tail.ts';

/** Scores with an exponential tail: −ln(2p) of a score s above the median is (s − ln 2·scale) / scale, whatever the share. */
function exponential(many: number, scale: number): number[] {
  return Array.from({ length: many }, (_, at) => -scale * Math.log((at + 0.5) / many));
}

describe('NormalTail', () => {
  it('says of an exponential tail what its shares are, also beyond what so many examples show', () => {
    for (const many of [60, 1_000]) {
      const tail = new NormalTail(exponential(many, 3), 0.01);
      for (const share of [0.3, 0.1, 0.05, 0.02, 0.001, 1e-6]) {
        const nats = tail.nats(-3 * Math.log(share));
        expect(Math.abs(nats + Math.log(2 * share))).toBeLessThan(0.2 * (1 - Math.log(2 * share)));
      }
    }
  });

  it('finds nothing unusual up to the median, and more the higher a score is from there on', () => {
    const random = seededRandom(3);
    const scores = Array.from({ length: 137 }, () => (random() < 0.3 ? 5 : 0) + random());
    const tail = new NormalTail(scores, 0.1);
    const found = Array.from({ length: 200 }, (_, at) => tail.nats(-1 + at / 10));
    const median = scores.toSorted((a, b) => a - b)[68] as number;
    expect(tail.nats(median)).toBe(0);
    expect(tail.nats(-100)).toBe(0);
    for (let at = 1; at < found.length; at++) expect(found[at]).toBeGreaterThanOrEqual(found[at - 1] as number);
    // Three in ten normal examples are there: it is not taken for half of the way to the highest.
    expect(tail.nats(5.1)).toBeLessThan(Math.log(0.5 / 0.2));
  });

  it('takes scores that are all alike for usual, and what is beyond them as far as a nat is long', () => {
    const tail = new NormalTail(new Array(40).fill(2), 0.2);
    expect(tail.nats(2)).toBe(0);
    expect(tail.nats(2.4)).toBeCloseTo(2, 9);
  });
});
