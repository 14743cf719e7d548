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
  {
    hours = 1,
    canaries = ['a', 'b', 'c'],
    f = 1,
    rates = {} as Record<string, number>,
    breakers = [] as readonly string[],
  } = {},
  limits: Partial<GatePolicy> = {},
) {
  const gate: GateState = {
    version: 4,
    openedAtMs: 0,
    reports: Object.fromEntries(reports.map((one) => [one.cluster, one])),
    decision: null,
    approvals: [],
  };
  return decideGate({
    gate,
    policy: { ...policy, ...limits },
    f,
    canaries,
    stableVersion: 3,
    breakers,
    before: new Map(
      Object.entries(rates).map(([name, ratePerMs]) => [name, { ratePerMs, bestFound: () => undefined }]),
    ),
    nowMs: hours * hourMs,
  });
}

const blind = { recalls: [{ attackClass: 'shell', caseCount: 20, shadowFoundCount: 17, liveFoundCount: 20 }] };

describe('decideGate', () => {
  it('promotes nothing whose breakers are open in more clusters than may lie, says so, and holds it when time is over', () => {
    const passed = [report('a'), report('b')];
    // One liar of f = 1 stops nothing by itself, unless the policy says that one is enough.
    expect(decide(passed, { breakers: ['x'] })).toEqual({ verdict: 'promote', reasons: [] });
    const open = 'BREAKER_OPEN: it made too many alerts in 2 clusters, more than 1 (x, y)';
    expect(decide(passed, { breakers: ['x', 'y'] })).toEqual({ verdict: 'waiting', reasons: [open] });
    expect(decide(passed, { breakers: ['x', 'y'], hours: 25 })).toEqual({ verdict: 'hold', reasons: [open] });
    expect(decide(passed, { breakers: ['x'] }, { breakersMax: 0 })).toMatchObject({ verdict: 'waiting' });
    expect(decide(passed, { breakers: ['x', 'y'] }, { breakersMax: 2 })).toMatchObject({ verdict: 'promote' });
  });

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
    const twoDays = [{ hours: 48 }, { hoursMax: 72 }] as const;
    expect(decide([report('a', long), report('b')], ...twoDays).verdict).toBe('promote');
    expect(decide([report('a', { ...long, shadowAlertCount: 21 }), report('b')], ...twoDays).verdict).toBe('waiting');
  });

  it('lets the limit grow with what a cluster scored, where the policy says by how much', () => {
    const limits = { alertShareMax: 0.02 };
    const busy = (shadowAlertCount: number) =>
      report('a', { scoredCount: 2_000, agreedCount: 2_000, shadowAlertCount });
    expect(decide([busy(40), report('b')], {}, limits).verdict).toBe('promote');
    expect(decide([busy(40), report('b')]).verdict).toBe('waiting');
    const many = ['a', 'b', 'c'].map((name) => ({ ...busy(41), cluster: name as ClusterId }));
    expect(decide(many, {}, limits)).toMatchObject({
      verdict: 'reject',
      reasons: expect.arrayContaining(['a: ALERTS_MANY: 41 alarms, at most 40 of 2000 scored']),
    });
    // A quiet cluster keeps the day's alarms.
    expect(
      decide([report('a', { shadowAlertCount: 10, scoredCount: 100, agreedCount: 100 }), report('b')], {}, limits)
        .verdict,
    ).toBe('promote');
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

  it('promotes nothing before its time, whatever is said', () => {
    const quick = { durationMs: 60_000 };
    const all = ['a', 'b', 'c'].map((name) => report(name, quick));
    const early = decide(all, { hours: 0.1 }, { minutesMin: 10 });
    expect(early).toMatchObject({ verdict: 'waiting', reasons: [expect.stringContaining('TOO_EARLY')] });
    expect(decide(all, { hours: 10 / 60 }, { minutesMin: 10 }).verdict).toBe('promote');
    // A policy of before there was the setting waits ten minutes.
    const { minutesMin: _, ...before } = policy;
    expect(before).not.toHaveProperty('minutesMin');
    expect(decide(all, { hours: 0.1 }, { minutesMin: undefined }).verdict).toBe('waiting');
  });

  it('wants a majority of all canaries, and more passes than may lie', () => {
    const nine = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i'];
    const passes = (n: number, f: number) =>
      decide(
        nine.slice(0, n).map((name) => report(name)),
        { canaries: nine, f },
      ).verdict;
    expect([passes(2, 2), passes(4, 2), passes(5, 2)]).toEqual(['waiting', 'waiting', 'promote']);
    expect([passes(6, 6), passes(7, 6)]).toEqual(['waiting', 'promote']);
    expect(decide([report('a')], { canaries: ['a'], f: 1 }, { clustersMin: 1 }).verdict).toBe('waiting');
  });

  it('counts no claim that cannot be: longer than the gate is open, more than the cluster ever scored', () => {
    const honest = [report('b'), report('c')];
    const canaries = ['a', 'b', 'c', 'd', 'e'];
    const boasting = (claim: Partial<ShadowReport>, rates = {}) =>
      decide([report('a', claim), ...honest], { canaries, hours: 2, rates });
    expect(boasting({ durationMs: 2 * hourMs }).verdict).toBe('promote');
    const impossible = {
      verdict: 'waiting',
      reasons: [expect.stringContaining('a: CLAIM_IMPOSSIBLE'), expect.anything()],
    };
    expect(boasting({ durationMs: 2 * hourMs + 1 })).toMatchObject(impossible);
    expect(boasting({ scoredCount: 1e12, agreedCount: 1e12 })).toMatchObject(impossible);
    const many = { scoredCount: 3_600_000, agreedCount: 3_600_000 };
    expect(boasting(many, { a: 0.1 }).verdict).toBe('promote');
    expect(boasting(many, { a: 0.099 })).toMatchObject(impossible);
    expect(boasting(many, { b: 0.099 }).verdict).toBe('promote');
  });

  it('lets f liars that lie together hold at most, whatever they say', () => {
    const word = fc.constantFrom<Partial<ShadowReport>>({}, blind, { agreedCount: 0 }, { shadowAlertCount: 1e6 });
    fc.assert(
      fc.property(
        fc
          .integer({ min: 1, max: 4 })
          .chain((f) => fc.record({ f: fc.constant(f), n: fc.integer({ min: 2, max: 12 }) })),
        word,
        fc.boolean(),
        fc.integer({ min: 1, max: 30 }),
        ({ f, n }, lied, good, hours) => {
          const canaries = [...Array(n).keys()].map((at) => `c${at}`);
          const liars = canaries.slice(0, f);
          const reports = canaries.map((name) => report(name, liars.includes(name) ? lied : good ? {} : blind));
          const { verdict } = decide(reports, { canaries, f, hours }, { clustersMin: f + 1 });
          if (good || n <= f) expect(verdict).not.toBe('reject');
          if (!good || n <= f) expect(verdict).not.toBe('promote');
        },
      ),
    );
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
