import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { RoundRules } from './rules.ts';
import { silenceWarning } from './silence.ts';

const rules = (f: number, more: Partial<RoundRules> = {}): RoundRules => ({
  goal: { kind: 'share', ofEnrolled: 1 },
  overSelection: 1.3,
  quorum: { kind: 'share', ofCohort: 0.5 },
  updatesMin: 2 * f + 3,
  recruitForMs: 1_000,
  collectForMs: 1_000,
  aggregateForMs: 1_000,
  closesAtGoal: true,
  carryOver: null,
  ...more,
});

describe('silenceWarning', () => {
  it('warns below 3f + 3 clusters and not from there on, for a rule that needs 2f + 3', () => {
    for (const f of [1, 2, 6]) {
      expect(silenceWarning('syscall', rules(f), f, 3 * f + 2)).toContain(`enrol ${3 * f + 3} or lower f`);
      expect(silenceWarning('syscall', rules(f), f, 3 * f + 3)).toBeUndefined();
    }
    expect(silenceWarning('syscall', rules(0), 0, 1)).toBeUndefined();
  });

  it('says the whole of it in a sentence', () => {
    expect(silenceWarning('syscall', rules(1), 1, 5)).toBe(
      'syscall: f = 1 clusters that say nothing stop every round: 5 are enrolled and 5 updates are needed; enrol 6 or lower f',
    );
    // From three clusters four more are needed.
    expect(silenceWarning('syscall', rules(2), 2, 3)).toContain('; enrol 9 or lower f');
  });

  it('knows that no more clusters help where no more are invited', () => {
    const goal = { kind: 'count', updates: 5 } as const;
    const few = rules(1, { goal, overSelection: 1, quorum: { kind: 'count', updates: 5 } });
    expect(silenceWarning('flow', few, 1, 500)).toMatch(/^flow: .*invite more \(rounds.overSelection\)/);
    expect(silenceWarning('flow', { ...few, overSelection: 1.3 }, 1, 500)).toBeUndefined();
  });

  it('says nothing exactly where the quorum is met without f of those invited', () => {
    fc.assert(
      fc.property(
        fc.nat({ max: 5 }),
        fc.nat({ max: 40 }),
        fc.double({ min: 0.1, max: 1, noNaN: true }),
        (f, n, share) => {
          const asked = rules(f, { quorum: { kind: 'share', ofCohort: share } });
          const needed = Math.max(2 * f + 3, Math.ceil(share * n - 1e-9));
          expect(silenceWarning('t', asked, f, n) === undefined).toBe(f === 0 || n - f >= needed);
        },
      ),
    );
  });
});
