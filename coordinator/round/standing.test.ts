import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseRoundId } from '../../proto/ids.ts';
import { priorOf, type RoundPart, type Standing, standingAfter } from './standing.ts';

const good: RoundPart = { verdict: 'selected', weight: 1, slope: -0.1, declaredCount: 2, uncountedCount: 0 };
const round = parseRoundId('r-1');
const recordOf = (parts: readonly RoundPart[], from?: Standing) =>
  parts.reduce<Standing | undefined>((standing, part) => standingAfter(standing, part, round), from);
const times = (count: number, part: RoundPart) => Array.from({ length: count }, () => part);

describe('standingAfter', () => {
  it('counts rounds, exclusions and refusals', () => {
    const record = recordOf([good, { ...good, verdict: 'leftOut' }, { ...good, verdict: 'refused' }]);
    expect(record).toMatchObject({ rounds: 3, leftOut: 1, refused: 1, lastRound: 'r-1' });
  });

  it('remembers the last round that left it out, through the good ones that follow', () => {
    const first = standingAfter(undefined, good, round);
    expect(first).not.toHaveProperty('excludedIn');
    const out = standingAfter(first, { ...good, verdict: 'leftOut' }, parseRoundId('r-2'));
    expect(standingAfter(out, good, parseRoundId('r-3')).excludedIn).toBe('r-2');
  });

  it('spends a long honest life no faster than a short one', () => {
    const refused: RoundPart = { ...good, verdict: 'refused', weight: null, slope: null };
    const [long, short] = [recordOf(times(1_000, good)), recordOf(times(1, good))];
    expect(long?.score).toBe(1);
    expect(recordOf([refused], long)?.score).toBe(recordOf([refused], short)?.score);
    expect(recordOf(times(3, refused), long)?.score).toBeCloseTo(0.343, 10);
    expect(recordOf(times(10, good), recordOf(times(3, refused), long))?.score).toBeLessThan(0.65);
  });

  it('sees what harms the sample a little every round', () => {
    const drifting: RoundPart = { ...good, slope: 0.02 };
    const record = recordOf(times(10, drifting), recordOf(times(50, good)));
    expect(record?.score).toBeLessThan(0.52);
    expect(record?.slope).toBeGreaterThan(0);
  });

  it('counts how many rounds in a row left it out, of those that kept most', () => {
    const out: RoundPart = { ...good, verdict: 'leftOut', mostKept: true };
    expect(recordOf([good, out, out])?.streak).toBe(2);
    expect(recordOf([out, { ...out, mostKept: false }, { ...out, verdict: 'refused', mostKept: false }])?.streak).toBe(
      2,
    );
    expect(recordOf([out, out, good])).not.toHaveProperty('streak');
    expect(recordOf(times(9, { ...out, mostKept: false }))).not.toHaveProperty('streak'); // Krum keeps one of all.
  });

  it('keeps the mean direction of its updates', () => {
    const towards: RoundPart = { ...good, cosine: 0.5 };
    expect(recordOf([good])).not.toHaveProperty('cosine');
    expect(recordOf([towards, good])?.cosine).toBe(0.5);
    expect(recordOf([towards, ...times(10, { ...good, cosine: -0.4 })])?.cosine).toBeLessThan(-0.2);
  });

  it('takes being left out of one class for half as much as out of both', () => {
    const one = recordOf([{ ...good, uncountedCount: 1 }])?.score ?? 0;
    const both = recordOf([{ ...good, uncountedCount: 2 }])?.score ?? 0;
    expect(1 - both).toBeCloseTo(2 * (1 - one), 10);
  });

  it('is worth what a round said of the update, to the number', () => {
    const worthOf = (part: Partial<RoundPart>) => {
      const score = recordOf([{ ...good, ...part }])?.score ?? 0;
      return Number((1 - (1 - score) / 0.3).toFixed(10)); // From 1 it falls by three tenths of what is missing.
    };
    expect(worthOf({})).toBe(1);
    expect(worthOf({ verdict: 'leftOut', weight: 1, uncountedCount: 2 })).toBe(0.5);
    expect(worthOf({ verdict: 'refused' })).toBeCloseTo(0, 10);
    expect([null, 0.8, 0.2, 3].map((weight) => worthOf({ weight }))).toEqual([1, 0.8, 0.5, 1]);
    expect([null, 0, 0.01].map((slope) => worthOf({ slope }))).toEqual([1, 1, 0.5]);
    expect(worthOf({ declaredCount: 0, uncountedCount: 0 })).toBe(1);
    expect(worthOf({ declaredCount: 4, uncountedCount: 1 })).toBe(0.75);
  });

  it('wins trust back slowly, and keeps means of about five rounds', () => {
    const fallen = recordOf([{ ...good, verdict: 'refused' }]);
    expect(fallen?.score).toBeCloseTo(0.7, 10);
    expect(recordOf([good], fallen)?.score).toBeCloseTo(0.7 + 0.05 * 0.3, 10);
    const of = (weight: number | null, slope: number | null): RoundPart => ({ ...good, weight, slope });
    expect(recordOf([of(null, null)])).toMatchObject({ weight: null, slope: null });
    expect(recordOf([of(null, null), of(0.6, 0.2), of(null, null)])).toMatchObject({ weight: 0.6, slope: 0.2 });
    const two = recordOf([of(0.6, 0.2), of(1.1, 0.1)]);
    expect(two?.weight).toBeCloseTo(0.7, 10);
    expect(two?.slope).toBeCloseTo(0.18, 10);
  });

  it('counts no streak of rounds that do not say how many they kept', () => {
    const out: RoundPart = { ...good, verdict: 'leftOut' };
    expect(recordOf([out, out])).not.toHaveProperty('streak');
    expect(recordOf([{ ...out, verdict: 'refused' }, out])?.streak).toBe(1);
  });

  it('gives a prior between the floor and 1, whatever happened', () => {
    const part = fc.record({
      verdict: fc.constantFrom('selected', 'leftOut', 'refused' as const),
      weight: fc.option(fc.double({ min: 0, max: 50, noNaN: true })),
      slope: fc.option(fc.double({ min: -10, max: 10, noNaN: true })),
      declaredCount: fc.nat(5),
      uncountedCount: fc.constant(0),
    });
    fc.assert(
      fc.property(fc.array(part as fc.Arbitrary<RoundPart>, { minLength: 1 }), (parts) => {
        const prior = priorOf(recordOf(parts), 0.25);
        expect(prior).toBeGreaterThanOrEqual(0.25);
        expect(prior).toBeLessThanOrEqual(1);
      }),
    );
    expect(priorOf(undefined, 0.25)).toBe(1);
  });
});
