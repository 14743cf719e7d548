import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { exposureOf, type LastingCode, lastingCodes } from '../../posture/exposure.ts';
import type { RiskStep } from '../cluster/facts.ts';
import { dueAtMs } from './due.ts';
import { commitmentTo, epochKey, epochOf, lifetimeAt, revealAtMs, unitOf } from './lifetimes.ts';

const hour = 3_600_000;
const secret = Buffer.alloc(32, 7);

describe('lifetimeAt', () => {
  it.each([
    ['uniform', hour / 2, 0.5],
    ['a truncated exponential', hour / 4, 0.25],
    ['a steep one', hour / 20, 0.05],
  ])('has the mean that is asked for: %s', (_name, meanMs, mean) => {
    const draws = 20_000;
    let sum = 0;
    for (let at = 0; at < draws; at += 1) sum += lifetimeAt((at + 0.5) / draws, { boundMs: hour, meanMs });
    expect(sum / draws / hour).toBeCloseTo(mean, 4);
  });

  it('grows with the draw, begins at nothing and stays below the bound', () => {
    const law = fc.record({
      boundMs: fc.constant(hour),
      meanMs: fc.double({ min: 60_000, max: hour / 2, noNaN: true }),
    });
    const unit = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
    fc.assert(
      fc.property(law, unit, unit, (of, a, b) => {
        const [low, high] = [lifetimeAt(Math.min(a, b), of), lifetimeAt(Math.max(a, b), of)];
        expect(low).toBeGreaterThanOrEqual(0);
        expect(high).toBeGreaterThanOrEqual(low);
        expect(high).toBeLessThanOrEqual(hour);
      }),
    );
    expect(lifetimeAt(0, { boundMs: hour, meanMs: hour / 4 })).toBe(0);
  });
});

describe('the keyed draw', () => {
  it('is the same whenever it is made, and another with another key, epoch or uid', () => {
    const draw = unitOf(epochKey(secret, 3), 'a');
    expect(unitOf(epochKey(secret, 3), 'a')).toBe(draw);
    expect(unitOf(epochKey(secret, 4), 'a')).not.toBe(draw);
    expect(unitOf(epochKey(Buffer.alloc(32, 8), 3), 'a')).not.toBe(draw);
    expect(unitOf(epochKey(secret, 3), 'b')).not.toBe(draw);
    expect(commitmentTo(epochKey(secret, 3))).not.toBe(commitmentTo(epochKey(secret, 4)));
  });

  it('is as uncertain as its law lets it be: within 0.3 bit of 60 minutes at a second', () => {
    const counts = new Map<number, number>();
    const draws = 100_000;
    for (let at = 0; at < draws; at += 1) {
      const second = Math.floor(lifetimeAt(unitOf(secret, `uid-${at}`), { boundMs: hour, meanMs: hour / 2 }) / 1_000);
      counts.set(second, (counts.get(second) ?? 0) + 1);
    }
    let bits = 0;
    for (const count of counts.values()) bits -= (count / draws) * Math.log2(count / draws);
    // Plug-in entropy reads low by (bins − 1) / (2 n ln 2): Miller, 1955.
    bits += (counts.size - 1) / (2 * draws * Math.LN2);
    expect(Math.abs(bits - Math.log2(3_600))).toBeLessThan(0.3);
  });

  it('tells a key only when no pod of its epoch can be due any more', () => {
    const law = { boundMs: 5 * hour, meanMs: 2 * hour };
    const last = 4 * hour - 1; // The last moment of epoch 3.
    expect(epochOf(last, hour)).toBe(3);
    expect(revealAtMs(3, hour, law)).toBeGreaterThan(last + lifetimeAt(1 - 2 ** -53, law));
  });
});

describe('dueAtMs', () => {
  const dueOf = (createdAtMs: number, lifetimeMs: number, steps: readonly RiskStep[], riskWeight: number) =>
    dueAtMs(createdAtMs, lifetimeMs, { steps, exposedBy: [] }, { riskWeight, postureWeight: 1 });

  it('is the lifetime after its creation while there is no risk', () => {
    expect(dueOf(1_000, 500, [], 20)).toBe(1_500);
  });

  it('divides what is left by what the risk adds, from the moment at which it rose', () => {
    expect(dueOf(0, 1_000, [{ atMs: 400, risk: 1 }], 2)).toBe(400 + 600 / 3);
    expect(
      dueOf(
        0,
        1_000,
        [
          { atMs: 400, risk: 1 },
          { atMs: 500, risk: 0 },
        ],
        2,
      ),
    ).toBe(500 + 300);
  });

  it('is not moved by what became known after it, and never is later for a risk', () => {
    expect(dueOf(0, 1_000, [{ atMs: 2_000, risk: 5 }], 2)).toBe(1_000);
    const steps = fc.array(
      fc.record({ atMs: fc.integer({ min: 0, max: 5_000 }), risk: fc.double({ min: 0, max: 9, noNaN: true }) }),
    );
    fc.assert(
      fc.property(steps, (all) => {
        const ordered = [...all].sort((a, b) => a.atMs - b.atMs);
        const due = dueOf(0, 1_000, ordered, 3);
        expect(due).toBeLessThanOrEqual(1_000);
        expect(due).toBeGreaterThan(0);
      }),
    );
  });

  it('divides a lifetime by what the exposure adds, at most so much, and risk comes on top of it', () => {
    const of = (exposedBy: readonly LastingCode[], steps: readonly RiskStep[] = [], postureWeight = 2) =>
      dueAtMs(0, 1_200, { steps, exposedBy }, { riskWeight: 4, postureWeight });
    expect(of([])).toBe(1_200);
    // 3 + 2 + 1 of 12 points.
    expect(exposureOf(['PRIVILEGED', 'RUNS_AS_ROOT', 'WRITABLE_ROOT'])).toBe(0.5);
    expect(of(['PRIVILEGED', 'RUNS_AS_ROOT', 'WRITABLE_ROOT'])).toBe(600);
    expect(of(lastingCodes)).toBe(400);
    expect(of(lastingCodes, [], 0)).toBe(1_200);
    expect(of(lastingCodes, [{ atMs: 200, risk: 1 }])).toBe(200 + (1_200 - 3 * 200) / (3 + 4));
  });

  it('leaves the most exposed pod as hard to foretell as the others, over the time that is left to it', () => {
    const law = { boundMs: 3_600_000, meanMs: 1_800_000 };
    const key = Buffer.alloc(32, 5);
    const tenths = new Array(10).fill(0);
    for (let pod = 0; pod < 20_000; pod += 1) {
      const lifetime = lifetimeAt(unitOf(key, `pod-${pod}`), law);
      const due = dueAtMs(0, lifetime, { steps: [], exposedBy: lastingCodes }, { riskWeight: 20, postureWeight: 1 });
      tenths[Math.floor(due / (law.boundMs / 20))] += 1;
    }
    // Uniform up to half of the bound: five standard deviations of a tenth are 212.
    for (const count of tenths) expect(Math.abs(count - 2_000)).toBeLessThan(212);
  });
});
