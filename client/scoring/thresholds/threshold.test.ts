import { describe, expect, it } from 'vitest';
import { seededStream } from '../../../base/random.ts';
import { largestGap, Threshold, type ThresholdOptions } from './threshold.ts';

const options: ThresholdOptions = { rule: { kind: 'quantile', alertRate: 0.01 }, warmUp: 100, windowMax: 1_000 };

function normal(unit: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - unit())) * Math.cos(2 * Math.PI * unit());
}

describe('Threshold', () => {
  it('raises no alarm during warm-up, then about as many as asked for', () => {
    const unit = seededStream(1, 'threshold');
    const threshold = new Threshold(options);
    for (let index = 0; index < 100; index += 1) expect(threshold.judge(normal(unit)).alarm).toBe(false);
    let alarms = 0;
    for (let index = 0; index < 5_000; index += 1) alarms += Number(threshold.judge(normal(unit)).alarm);
    // Binomial with mean 50, a little more because the quantile is estimated.
    expect(alarms).toBeGreaterThan(25);
    expect(alarms).toBeLessThan(100);
    expect(threshold.judge(9)).toMatchObject({ alarm: true, drifting: false });
  });

  it('puts the deviation rule at mean + kσ', () => {
    const threshold = new Threshold({ ...options, rule: { kind: 'deviation', k: 3 }, warmUp: 4 });
    threshold.seed([2, 4, 4, 6]);
    // Mean 4, variance 2.
    expect(threshold.judge(8.2)).toMatchObject({ alarm: false, threshold: 4 + 3 * Math.SQRT2 });
  });

  it('is not lifted over the next intrusion by the first one', () => {
    const threshold = new Threshold(options);
    threshold.seed(Array.from({ length: 100 }, (_, index) => index / 100));
    for (let index = 0; index < 5; index += 1) expect(threshold.judge(9).alarm).toBe(true);
    // What comes often enough becomes usual in the end, step by step.
    let alarms = 0;
    while (threshold.judge(9).alarm) alarms += 1;
    expect(alarms).toBeGreaterThan(20);
  });

  it('is alarmed by a score that something else lifted, and learns the score that it was', () => {
    const [own, twin] = [1, 2].map(
      () => new Threshold({ rule: { kind: 'quantile', alertRate: 0.01 }, warmUp: 20, windowMax: 500 }),
    );
    const random = seededStream(8, 'lifted');
    for (let at = 0; at < 400; at++) {
      const alone = random();
      const { alarm } = own?.judge(alone + 3, alone) ?? {};
      expect(alarm).toBe(at >= 20);
      twin?.judge(alone);
      expect(own?.level()).toBe(twin?.level());
    }
  });

  it('is drawn to what the scores of a cluster say, the more the fewer its own are', () => {
    const rule = { kind: 'quantile', alertRate: 0.01 } as const;
    const levels = [10, 50, 100, 400].map((many) => {
      const threshold = new Threshold({ ...options, rule });
      threshold.seed(Array.from({ length: many }, (_, at) => at / many));
      const alone = threshold.sketch()?.level ?? Number.NaN;
      threshold.borrow({ aboveUsual: 3, scores: 999 });
      const { usual = Number.NaN, level = Number.NaN } = threshold.sketch() ?? {};
      return { drawn: (level - alone) / (usual + 3 - alone) };
    });
    for (const [at, share] of [0.9, 0.5, 0, 0].entries()) expect(levels[at]?.drawn).toBeCloseTo(share, 10);
    const deviation = new Threshold({ ...options, rule: { kind: 'deviation', k: 3 }, warmUp: 4 });
    deviation.borrow({ aboveUsual: 3, scores: 999 });
    deviation.seed([2, 4, 4, 6]);
    expect(deviation.level()).toBe(4 + 3 * Math.SQRT2);
  });

  it('is not alarmed by its highest score where that is what a cluster says, too', () => {
    for (const highest of [0.3, 1.1, 7.7, 123.456]) {
      const threshold = new Threshold({ ...options, rule: { kind: 'quantile', alertRate: 0.001 }, warmUp: 20 });
      threshold.seed(Array.from({ length: 30 }, (_, at) => (highest * (at + 1)) / 30));
      const usual = threshold.sketch()?.usual ?? Number.NaN;
      // One group is the whole cluster.
      threshold.borrow({ aboveUsual: highest - usual, scores: 30 });
      expect(threshold.judge(highest)).toMatchObject({ alarm: false, threshold: highest });
    }
  });

  it('is warm at once after a baseline', () => {
    const threshold = new Threshold(options);
    threshold.seed(Array.from({ length: 100 }, (_, index) => index / 100));
    expect(threshold.judge(3)).toMatchObject({ alarm: true, threshold: 0.99 });
  });

  it('reports a drift, holds the threshold instead of following it, and lets go when it is over', () => {
    const unit = seededStream(2, 'threshold');
    const threshold = new Threshold({ ...options, windowMax: 400 });
    const run = (count: number, shift: number) => {
      let last = threshold.judge(normal(unit) + shift);
      for (let index = 1; index < count; index += 1) last = threshold.judge(normal(unit) + shift);
      return last;
    };
    const before = run(600, 0);
    expect(before.drifting).toBe(false);
    const during = run(1_000, 2);
    expect(during.drifting).toBe(true);
    expect(during.threshold).toBeLessThan(before.threshold + 1.5);
    expect(run(1_000, 0).drifting).toBe(false);
  });
});

describe('risk', () => {
  it('counts from what is usual to the threshold, and is unknown during warm-up', () => {
    const threshold = new Threshold({ rule: { kind: 'quantile', alertRate: 0.01 }, warmUp: 101, windowMax: 1_000 });
    threshold.seed(Array.from({ length: 100 }, (_, at) => at));
    expect(threshold.riskOf(50)).toBeUndefined();
    threshold.seed([100]);
    const level = threshold.level();
    expect(level).toBe(99);
    expect([50, 99, (99 + 50) / 2, 0].map((score) => threshold.riskOf(score))).toEqual([0, 1, 0.5, 0]);
  });

  it('is bounded where scores hardly differ', () => {
    const alike = new Threshold({ ...options, warmUp: 20 });
    alike.seed(Array.from({ length: 100 }, (_, at) => 10 + at / 1e9));
    // A hundredth of the level is one way: without that, a score of 11 would be twenty million ways off.
    expect(alike.riskOf(11)).toBeCloseTo(11, 3);
  });

  it('of 1 is passed by as few as are to pass it only where there are scores enough, and by a cluster as it says', () => {
    const threshold = new Threshold({ ...options, warmUp: 20 });
    threshold.seed(Array.from({ length: 49 }, (_, at) => at));
    expect(threshold.passedBy(0.001)).toBe(1 / 50);
    expect(threshold.passedBy(0.1)).toBe(0.1);
    threshold.seed(Array.from({ length: 951 }, (_, at) => at));
    expect(threshold.passedBy(0.001)).toBe(0.001);
    const followed = new Threshold({ ...options, warmUp: 20 });
    followed.follow({ usual: 0, level: 1 });
    expect(followed.passedBy(0.001)).toBe(0.001);
  });
});

describe('the share that passes a level drawn to a cluster', () => {
  const drawn = (own: number, scores: number) => {
    const threshold = new Threshold({ rule: { kind: 'quantile', alertRate: 0.001 }, warmUp: 20, windowMax: 2_000 });
    threshold.seed(Array.from({ length: own }, (_, at) => at / own));
    threshold.borrow({ aboveUsual: 3, scores });
    return threshold.passedBy(0.001);
  };

  it('is one of the cluster scores where own ones say nothing, one of the own where they say all, and between as their logarithms', () => {
    expect(drawn(0, 399)).toBeCloseTo(1 / 400, 12);
    expect(drawn(1_500, 3_000)).toBe(0.001);
    // Of 500 scores half is a workload's own: the middle of 1 / 501 and the cluster's 1 / 1,000, on a scale of ratios.
    expect(drawn(500, 999)).toBeCloseTo(Math.sqrt(0.001 / 501), 12);
  });

  it('is what passes it, of exponential tails', () => {
    const random = seededStream(3, 'passed');
    const exponential = () => -Math.log(1 - random());
    const runs = 500;
    let passed = 0;
    let said = 0;
    for (let run = 0; run < runs; run++) {
      const threshold = new Threshold({ rule: { kind: 'quantile', alertRate: 0.002 }, warmUp: 20, windowMax: 500 });
      threshold.seed(Array.from({ length: 100 }, exponential));
      const others = Array.from({ length: 499 }, exponential).sort((a, b) => a - b);
      const aboveUsual = (others[498] as number) - (others[249] as number);
      threshold.borrow({ aboveUsual, scores: others.length });
      passed += Math.exp(-threshold.level()) / runs;
      said = threshold.passedBy(0.002);
    }
    expect(said).toBeCloseTo(101 ** -0.2 * 500 ** -0.8, 12);
    expect(passed / said).toBeGreaterThan(0.75);
    expect(passed / said).toBeLessThan(1.1);
  });
});

describe('statistics', () => {
  it('measure the largest gap between two distributions', () => {
    expect(largestGap([1, 2, 3], [1, 2, 3])).toBe(0);
    expect(largestGap([1, 2, 3], [7, 8])).toBe(1);
    expect(largestGap([1, 2, 3, 4], [3, 4, 5, 6])).toBe(0.5);
  });
});
