import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ClusterId } from '../../../proto/ids.ts';
import type { ShadowReport } from '../../ledger/journal/events.ts';
import type { GateState } from '../../ledger/state/releasing.ts';
import type { GatePolicy } from '../../round/policy.ts';
import { gatePolicy as policy } from '../../testing/released-state.ts';
import { decideGate } from './gate.ts';

const hourMs = 3_600_000;

function report(cluster: string, more: Partial<ShadowReport> = {}): ShadowReport {
  return {
    cluster: cluster as ClusterId,
    liveVersion: 3,
    durationMs: hourMs,
    scoredCount: 1_000,
    agreedCount: 990,
    shadowAlertCount: 5,
    liveAlertCount: 5,
    recalls: [{ attackClass: 'shell', caseCount: 20, shadowFoundCount: 19, liveFoundCount: 20 }],
    falsePositiveCaseCount: 0,
    shadowFalsePositiveCount: 0,
    liveFalsePositiveCount: 0,
    shadowLatencyUs: 10,
    liveLatencyUs: 10,
    reportedAtMs: 0,
    sequence: 1,
    ...more,
  };
}

function decide(
  reports: readonly ShadowReport[],
  { hours = 1, canaries = ['a', 'b', 'c'] } = {},
  limits: Partial<GatePolicy> = {},
) {
  const gate: GateState = {
    version: 4,
    openedAtMs: 0,
    reports: Object.fromEntries(reports.map((one) => [one.cluster, one])),
    decision: null,
    approvals: [],
  };
  return decideGate({ gate, policy: { ...policy, ...limits }, canaries, stableVersion: 3, nowMs: hours * hourMs });
}

const blind = { recalls: [{ attackClass: 'shell', caseCount: 20, shadowFoundCount: 17, liveFoundCount: 20 }] };

describe('decideGate', () => {
  it('promotes what enough canaries passed', () => {
    expect(decide([report('a')])).toMatchObject({ verdict: 'waiting' });
    expect(decide([report('a'), report('b')])).toEqual({ verdict: 'promote', reasons: [] });
  });

  it('rejects what most canaries failed, and says which limit each passed', () => {
    const answer = decide([
      report('a', blind),
      report('b', { agreedCount: 899 }),
      report('c', { shadowAlertCount: 11 }),
    ]);
    expect(answer.verdict).toBe('reject');
    expect(answer.reasons.map((reason) => reason.split(':').slice(0, 2).join(':'))).toEqual([
      'a: RECALL_FELL',
      'b: AGREEMENT_LOW',
      'c: ALERTS_MANY',
    ]);
  });

  it('holds what one of several failed, once all have reported', () => {
    expect(decide([report('a', blind), report('b')]).verdict).toBe('waiting');
    const answer = decide([report('a', blind), report('b'), report('c')]);
    expect(answer).toMatchObject({ verdict: 'hold', reasons: [expect.stringContaining('a: RECALL_FELL: shell')] });
  });

  it('holds on silence, not before its time', () => {
    expect(decide([], { hours: 23.9 }).verdict).toBe('waiting');
    expect(decide([], { hours: 24 })).toMatchObject({
      verdict: 'hold',
      reasons: [expect.stringMatching(/^REPORTS_MISSING: 0 of at least 2 .* 3 have not reported$/)],
    });
    expect(decide([], { hours: 24, canaries: [] }).verdict).toBe('hold');
  });

  it('counts no report of a stranger, against another live version, or of too little', () => {
    const others = [report('x'), report('b', { liveVersion: 2 }), report('c', { scoredCount: 99, agreedCount: 99 })];
    expect(decide([report('a'), ...others]).verdict).toBe('waiting');
    const failing = others.map((one) => ({ ...one, ...blind }));
    expect(decide([report('a'), ...failing]).verdict).toBe('waiting');
  });

  it('grants a short run the whole day of alarms, and a long one a day for each day', () => {
    expect(decide([report('a', { shadowAlertCount: 10 }), report('b')]).verdict).toBe('promote');
    const long = { durationMs: 48 * hourMs, shadowAlertCount: 20 };
    expect(decide([report('a', long), report('b')]).verdict).toBe('promote');
    expect(decide([report('a', { ...long, shadowAlertCount: 21 }), report('b')]).verdict).toBe('waiting');
  });

  it('holds false positives and latency to limits where the policy has them', () => {
    const cases = { falsePositiveCaseCount: 9, shadowFalsePositiveCount: 5, liveFalsePositiveCount: 2 };
    const slow = { shadowLatencyUs: 31, liveLatencyUs: 10 };
    const reports = [report('a', cases), report('b', slow), report('c')];
    const reasons = (limits: Partial<GatePolicy>) => decide(reports, {}, limits).reasons;
    expect(decide(reports).verdict).toBe('promote');
    expect(decide(reports, {}, { falsePositivesMax: 3, latencyFactorMax: 3.1 }).verdict).toBe('promote');
    expect(reasons({ falsePositivesMax: 2 })).toEqual([expect.stringContaining('a: FALSE_POSITIVES_ROSE')]);
    expect(reasons({ latencyFactorMax: 3 })).toEqual([expect.stringContaining('b: LATENCY_ROSE: 31 µs')]);
    // Fewer than before, and faster, are no fault; nor is a time below what can be measured.
    const better = { falsePositiveCaseCount: 9, shadowFalsePositiveCount: 1, liveFalsePositiveCount: 2 };
    const strict = { falsePositivesMax: 0, latencyFactorMax: 1 };
    expect(decide([report('a', better), report('b', { shadowLatencyUs: 9 })], {}, strict).verdict).toBe('promote');
    const instant = { shadowLatencyUs: 1, liveLatencyUs: 0 };
    expect(decide([report('a', instant), report('b', instant)], {}, strict).verdict).toBe('promote');
  });

  it('lets a single liar among two canaries or more hold at most, whatever it says', () => {
    const count = fc.integer({ min: 0, max: 2 ** 32 - 1 });
    const lie = fc.record({
      scoredCount: count,
      agreedCount: count,
      shadowAlertCount: count,
      durationMs: count,
      liveVersion: fc.integer({ min: 0, max: 5 }),
      recalls: fc.array(
        fc.record({
          attackClass: fc.constantFrom('shell', 'miner'),
          caseCount: count,
          shadowFoundCount: count,
          liveFoundCount: count,
        }),
        { maxLength: 3 },
      ),
    });
    fc.assert(
      fc.property(
        lie,
        fc.integer({ min: 2, max: 5 }),
        fc.boolean(),
        fc.integer({ min: 0, max: 30 }),
        (lied, n, good, hours) => {
          const canaries = ['a', 'b', 'c', 'd', 'e'].slice(0, n);
          const honest = canaries.slice(1).map((name) => report(name, good ? {} : blind));
          const { verdict } = decide([report('a', lied), ...honest], { hours, canaries });
          // The others alone, as if the liar were silent: it may delay or hold what they pass, never turn it round.
          if (good) expect(verdict).not.toBe('reject');
          else expect(verdict).not.toBe('promote');
        },
      ),
    );
  });
});
