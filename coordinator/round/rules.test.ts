import { describe, expect, it } from 'vitest';
import { defaultPolicy } from '../../aggregation/policy.ts';
import { fiveOrThree } from './arbitraries.ts';
import { rulesOf, type TrackPolicy } from './policy.ts';
import { goalUpdates, inviteCount, quorumUpdates } from './quorum.ts';
import { checkRoundRules, type RoundRules, roundRuleLimits } from './rules.ts';

const rules = fiveOrThree;
const faultOf = (more: Partial<RoundRules>) => {
  const checked = checkRoundRules({ ...rules, ...more });
  return checked.ok ? undefined : checked.fault;
};
const share = { kind: 'share' } as const;
const many = roundRuleLimits.updatesMax;

describe('checkRoundRules', () => {
  it('takes the first and the last of what each rule may be', () => {
    const legal: Partial<RoundRules>[] = [
      ...[1, 10].map((overSelection) => ({ overSelection })),
      ...[1, many].map((updates) => ({
        ...({ updatesMin: updates, quorum: { kind: 'count', updates }, goal: { kind: 'count', updates } } as const),
      })),
      ...[Number.MIN_VALUE, 1].map((part) => ({ quorum: { ...share, ofCohort: part } })),
      ...[Number.MIN_VALUE, 1].map((part) => ({ goal: { ...share, ofEnrolled: part } })),
      ...[10, 14 * 86_400_000].map((ms) => ({ recruitForMs: ms, collectForMs: ms, aggregateForMs: ms, graceMs: ms })),
      { graceMs: null },
      ...[1, 64].map((stalenessMax) => ({ carryOver: { stalenessMax, exponent: 0 } })),
      { carryOver: { stalenessMax: 1, exponent: 10 } },
    ];
    for (const some of legal) {
      expect(faultOf(some)).toBeUndefined();
      expect(checkRoundRules({ ...rules, ...some })).toEqual({ ok: true, value: { ...rules, ...some } });
    }
  });

  it.each<[string, Partial<RoundRules>]>([
    ['overSelection must lie in 1..10, got 0.99', { overSelection: 0.99 }],
    ['overSelection must lie in 1..10, got 10.01', { overSelection: 10.01 }],
    ['overSelection must lie in 1..10, got NaN', { overSelection: Number.NaN }],
    ['updatesMin must be a whole number of at least 1, got 0', { updatesMin: 0 }],
    ['updatesMin must be a whole number of at least 1, got 1.5', { updatesMin: 1.5 }],
    ['carryOver.stalenessMax must be a whole number in 1..64', { carryOver: { stalenessMax: 0, exponent: 1 } }],
    ['carryOver.stalenessMax must be a whole number in 1..64', { carryOver: { stalenessMax: 65, exponent: 1 } }],
    ['carryOver.stalenessMax must be a whole number in 1..64', { carryOver: { stalenessMax: 1.5, exponent: 1 } }],
    ['carryOver.exponent must lie in 0..10, got -0.1', { carryOver: { stalenessMax: 1, exponent: -0.1 } }],
    ['carryOver.exponent must lie in 0..10, got 10.1', { carryOver: { stalenessMax: 1, exponent: 10.1 } }],
    ['quorum.ofCohort must be above 0 and at most 1, got 0', { quorum: { ...share, ofCohort: 0 } }],
    ['quorum.ofCohort must be above 0 and at most 1, got 1.1', { quorum: { ...share, ofCohort: 1.1 } }],
    ['goal.ofEnrolled must be above 0 and at most 1, got 0', { goal: { ...share, ofEnrolled: 0 } }],
    ['goal.ofEnrolled must be above 0 and at most 1, got 1.1', { goal: { ...share, ofEnrolled: 1.1 } }],
    ['quorum.updates must be a whole number of at least 1, got 3.5', { quorum: { kind: 'count', updates: 3.5 } }],
    [
      `quorum.updates must be a whole number of at least 1, got ${many + 1}`,
      { quorum: { kind: 'count', updates: many + 1 } },
    ],
    ['goal.updates must be a whole number of at least 1, got 5.5', { goal: { kind: 'count', updates: 5.5 } }],
    [
      'goal.updates must be at least 3, what the aggregation rule needs; got 2',
      { goal: { kind: 'count', updates: 2 }, quorum: { ...share, ofCohort: 0.5 } },
    ],
    [
      'goal.updates 3 is below the quorum of 4; raise the goal',
      { goal: { kind: 'count', updates: 3 }, quorum: { kind: 'count', updates: 4 } },
    ],
    ['recruitForMs must lie in 10..1209600000 ms, got 9', { recruitForMs: 9 }],
    ['collectForMs must lie in 10..1209600000 ms, got NaN', { collectForMs: Number.NaN }],
    ['aggregateForMs must lie in 10..1209600000 ms, got 1209600001', { aggregateForMs: 14 * 86_400_000 + 1 }],
    ['graceMs must lie in 10..1209600000 ms, got 0', { graceMs: 0 }],
    ['graceMs must lie in 10..1209600000 ms, got 1209600001', { graceMs: 14 * 86_400_000 + 1 }],
  ])('refuses the next one, alone: %s', (problem, more) => {
    expect(faultOf(more)).toEqual({ code: 'RULES_INVALID', message: `round rules: ${problem}` });
  });

  it('says what to do about a quorum that the rule cannot score, and joins what else is wrong', () => {
    const quorum = { kind: 'count', updates: 2 } as const;
    const message =
      'round rules: a quorum of 2 could close a round that its aggregation rule cannot score; raise it to at least 3 or choose a ' +
      'rule that needs fewer; overSelection must lie in 1..10, got 0';
    expect(faultOf({ quorum, overSelection: 0 })).toEqual({ code: 'RULES_INVALID', message });
  });
});

describe('how many', () => {
  const of = (more: Partial<RoundRules>) => ({ ...rules, ...more });

  it('updates a round wants: a number, or a share of those enrolled, never fewer than the rule needs', () => {
    expect(goalUpdates(rules, 100)).toBe(5);
    const half = of({ goal: { ...share, ofEnrolled: 0.5 } });
    expect([5, 7, 8, 100].map((enrolled) => goalUpdates(half, enrolled))).toEqual([3, 4, 4, 50]);
    expect(goalUpdates(of({ goal: { kind: 'count', updates: 2 } }), 100)).toBe(3);
  });

  it('clusters are invited for that, rounded up and not for what binary fractions add', () => {
    expect([1, 5, 10, 20].map((goal) => inviteCount(rules, goal))).toEqual([2, 7, 13, 26]);
  });

  it('updates are a quorum: a number, or a share of the cohort, never fewer than the rule needs', () => {
    expect(quorumUpdates(of({ quorum: { kind: 'count', updates: 4 } }), 100)).toBe(4);
    expect(quorumUpdates(of({ quorum: { kind: 'count', updates: 2 } }), 100)).toBe(3);
    const third = of({ quorum: { ...share, ofCohort: 0.34 } });
    expect([5, 50, 100].map((size) => quorumUpdates(third, size))).toEqual([3, 17, 34]);
  });

  it('updates the rule needs follows from the aggregation; where no number is enough, none ever is', () => {
    const { updatesMin: _, ...rounds } = rules;
    const policy = { rounds, aggregation: { ...defaultPolicy(2), rule: { kind: 'krum' } } } as unknown as TrackPolicy;
    expect(rulesOf(policy)).toEqual({ ...rules, updatesMin: 7 });
  });

  it('may be missing when a grace begins is f, and one in any case; nothing is said of it where there is no grace', () => {
    const { updatesMin: _, ...rounds } = rules;
    const of = (f: number, graceMs?: number | null) =>
      rulesOf({ rounds: { ...rounds, graceMs }, aggregation: defaultPolicy(f) } as unknown as TrackPolicy);
    expect([0, 1, 2].map((f) => of(f, 60_000).sparedMax)).toEqual([1, 1, 2]);
    for (const none of [of(2), of(2, null)]) expect(none).not.toHaveProperty('sparedMax');
  });
});
