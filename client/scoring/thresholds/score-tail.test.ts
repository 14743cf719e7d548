import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { seededStream } from '../../../base/random.ts';
import type { ScoreTail } from './score-tail.ts';
import { Threshold } from './threshold.ts';

const alertRate = 0.001;

function thresholdOf(scores: readonly number[]): Threshold {
  const threshold = new Threshold({ rule: { kind: 'quantile', alertRate }, warmUp: 20, windowMax: 2_000 });
  threshold.seed(scores);
  return threshold;
}

function tailOf(scores: readonly number[]): ScoreTail {
  const tail = thresholdOf(scores).tail(alertRate);
  if (tail === undefined) throw new Error('too few scores');
  return tail;
}

/** Scores with a tail as heavy as those of recorded traces, of which one in ten is far out. */
function heavy(count: number): number[] {
  const random = seededStream(4, 'heavy');
  return Array.from({ length: count }, () => random() ** -0.5);
}

const someScores = fc.oneof(
  fc.array(fc.double({ min: -3, max: 3, noNaN: true }), { minLength: 20, maxLength: 150 }),
  // Few values, each many times.
  fc.array(
    fc.integer({ min: 0, max: 4 }).map((one) => one / 4),
    { minLength: 20, maxLength: 150 },
  ),
);

describe('ScoreTail', () => {
  it('says of each own score which share is as high or higher, and of that share the score', () => {
    const scores = heavy(400).sort((a, b) => a - b);
    const tail = tailOf(scores);
    for (const rank of [1, 4, 40, 180]) {
      const score = scores[scores.length - rank] as number;
      expect(tail.shareAbove(score)).toBeCloseTo(rank / 401, 12);
      expect(tail.scoreOf(rank / 401)).toBeCloseTo(score, 9);
    }
    // One of a hundred is far below half of the way in logarithms: a straight line would have it at 0.37 of the way to the level.
    const [usual, level] = [tail.scoreOf(0.5), tail.scoreOf(1 / 401)];
    expect((tail.scoreOf(0.05) - usual) / (level - usual)).toBeLessThan(0.25);
  });

  it('is one scale both ways: what passes the score of a share is that share, also between scores and beyond the level', () => {
    const tail = tailOf(heavy(2_000));
    for (const share of [0.4, 0.07, 0.0123, 0.0011, 1e-4, 1e-7]) {
      expect(tail.shareAbove(tail.scoreOf(share)) / share).toBeCloseTo(1, 6);
    }
  });

  it('never rises with the score, nor does the score with the share, whatever the scores are', () => {
    const place = fc.double({ min: -4, max: 9, noNaN: true });
    const share = fc.double({ min: 1e-9, max: 1, noNaN: true });
    fc.assert(
      fc.property(someScores, place, place, share, share, (scores, one, other, rare, common) => {
        const tail = tailOf(scores);
        const above = [Math.max(one, other), Math.min(one, other)].map((score) => tail.shareAbove(score));
        expect(above[0]).toBeLessThanOrEqual(above[1] as number);
        const at = [Math.max(rare, common), Math.min(rare, common)].map((some) => tail.scoreOf(some));
        expect(at[0]).toBeLessThanOrEqual(at[1] as number);
      }),
    );
  });

  it('stays at a level of few scores until a share is as rare as an alarm may be, and passes it only then', () => {
    for (const scores of [heavy(130), [...Array(60).fill(1), ...Array(20).fill(1.5)]]) {
      const level = thresholdOf(scores).level();
      const tail = tailOf(scores);
      expect(tail.scoreOf(0.0011)).toBe(level);
      expect(tail.scoreOf(0.0009)).toBeGreaterThan(level);
      expect(tail.scoreOf(1e-12)).toBeLessThan(Number.POSITIVE_INFINITY);
    }
    // Ten times as rare is further by what ten times is, in the tail that the scores show.
    const scores = heavy(130).sort((a, b) => a - b);
    const [usual, level] = [scores[65] as number, thresholdOf(scores).level()];
    const ways = (tailOf(scores).scoreOf(alertRate / 10) - level) / (level - usual);
    expect(ways).toBeCloseTo(Math.log(10) / Math.log(65.5), 6);
  });

  it('is an exponential tail where a level is said by others and no score was seen', () => {
    const followed = thresholdOf([]);
    followed.follow({ usual: 0, level: 1 });
    const tail = followed.tail(alertRate) as ScoreTail;
    expect(tail.shareAbove(0.5)).toBeCloseTo(Math.sqrt(0.5 * alertRate), 12);
    expect(tail.scoreOf(Math.sqrt(0.5 * alertRate))).toBeCloseTo(0.5, 12);
    expect(tail.shareAbove(1)).toBeCloseTo(alertRate, 12);
  });

  it('is unknown during warm-up', () => {
    expect(thresholdOf(heavy(19)).tail(alertRate)).toBeUndefined();
    expect(thresholdOf(heavy(20)).tail(alertRate)).toBeDefined();
  });
});
