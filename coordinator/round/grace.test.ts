import { describe, expect, it } from 'vitest';
import type { ClusterId } from '../../proto/ids.ts';
import { baseDigest, digestNamed, members, olderDigests } from './arbitraries.ts';
import { enoughOf, graceEnd } from './grace.ts';
import type { RoundEvent, RoundPhase } from './phase.ts';
import type { RoundRules } from './rules.ts';
import { deadlineOf, isGathered, step } from './step.ts';

const sixOfWhomOneMayLie: RoundRules = {
  goal: { kind: 'share', ofEnrolled: 1 },
  overSelection: 1.3,
  quorum: { kind: 'share', ofCohort: 0.75 },
  updatesMin: 5,
  recruitForMs: 600_000,
  collectForMs: 7_200_000,
  aggregateForMs: 600_000,
  closesAtGoal: true,
  graceMs: 60_000,
  sparedMax: 1,
  carryOver: null,
};
const six = members.slice(0, 6);
const base = { version: 3, digest: baseDigest };

/** A round and its time; what the coordinator's shell does at each moment, done here. */
function roundOf(rules: RoundRules = sixOfWhomOneMayLie) {
  let phase: RoundPhase = { kind: 'scheduled', dueAtMs: 0 };
  const happen = (event: RoundEvent) => {
    const made = step(phase, event, rules);
    if (made.kind === 'refused') throw new Error(made.fault.code);
    phase = made.phase;
  };
  happen({ kind: 'opened', atMs: 0, seed: 1, base });
  return {
    get phase() {
      return phase;
    },
    until: () => deadlineOf(phase),
    count(atMs: number, eligible: readonly ClusterId[]) {
      const counted: RoundEvent = {
        ...{ kind: 'counted', atMs, eligible, enrolledCount: six.length, roundKey: 'a2V5', olderBases: olderDigests },
      };
      const gathered = isGathered(phase, counted, rules);
      happen(counted);
      if (gathered) happen({ kind: 'gathered', atMs });
      happen({ kind: 'timePassed', atMs });
    },
    pass: (atMs: number) => happen({ kind: 'timePassed', atMs }),
    update(atMs: number, cluster: ClusterId) {
      const payloadDigest = digestNamed(members.indexOf(cluster));
      const update = { cluster, payloadDigest, payloadBytes: 4, baseDigest, exampleCount: 1, signature: 's' };
      happen({ kind: 'updateArrived', atMs, update });
    },
    expel: (atMs: number, cluster: ClusterId) =>
      happen({ kind: 'expelled', atMs, expelled: { cluster, code: 'CLUSTER_QUARANTINED' } }),
  };
}

describe('a grace', () => {
  it('begins with all but those that may be missing, of whom one is meant where rules say no number', () => {
    expect(enoughOf(6, 3, { ...sixOfWhomOneMayLie, sparedMax: 2 })).toBe(4);
    const { sparedMax: _, ...unsaid } = sixOfWhomOneMayLie;
    expect(enoughOf(6, 3, unsaid)).toBe(5);
    expect(enoughOf(6, 6, unsaid)).toBe(6);
  });

  it('lasts as long again as those took that came, counted from when they were first awaited', () => {
    expect(graceEnd(100_000, 190_000, sixOfWhomOneMayLie)).toBe(280_000);
    expect(graceEnd(100_000, 130_000, sixOfWhomOneMayLie)).toBe(190_000);
  });

  it('begins once, and only with a count in a round that is looking for its cohort', () => {
    const counted: RoundEvent = {
      ...{ kind: 'counted', atMs: 20, eligible: six.slice(0, 5), enrolledCount: 6, roundKey: 'a2V5' },
      olderBases: olderDigests,
    };
    const recruiting = roundOf().phase;
    const graced = { ...recruiting, graceUntilMs: 60_020 } as RoundPhase;
    const round = roundOf();
    round.count(0, six);
    const passed: RoundEvent = { kind: 'timePassed', atMs: 20 };
    const asked = [
      [recruiting, counted],
      [graced, counted],
      [round.phase, counted],
      [recruiting, passed],
    ] as const;
    expect(asked.map(([phase, event]) => isGathered(phase, event, sixOfWhomOneMayLie))).toEqual([
      ...[true, false, false, false],
    ]);
    const again = step(graced, { kind: 'gathered', atMs: 30_000 }, sixOfWhomOneMayLie);
    expect(again).toMatchObject({ kind: 'moved', phase: { graceUntilMs: 60_020 } });
  });
});

describe('a round with a grace', () => {
  it('waits a minute, not its deadline, for the one cluster of six that is away', () => {
    const round = roundOf();
    round.count(10, six.slice(0, 4));
    expect(round.until()).toBe(600_000); // Two are away: more than may be spared.
    round.count(20, six.slice(0, 5));
    expect(round.until()).toBe(60_020);
    round.count(60_019, six.slice(0, 5));
    expect(round.phase.kind).toBe('recruiting');
    round.count(60_020, six.slice(0, 5));
    expect(round.phase).toMatchObject({ kind: 'collecting', cohort: six.slice(0, 5) });
  });

  it('invites one that comes within it, at once', () => {
    const round = roundOf();
    round.count(20, six.slice(0, 5));
    round.count(5_000, six);
    expect(round.phase).toMatchObject({ kind: 'collecting', cohort: six, closesAtMs: 7_205_000 });
  });

  it('goes back to its deadline where one leaves meanwhile, and begins another when it is back', () => {
    const round = roundOf();
    round.count(20, six.slice(0, 5));
    round.count(30_000, six.slice(0, 4));
    expect(round.until()).toBe(60_020); // Nothing is journalled of it before it matters.
    round.count(60_020, six.slice(0, 4));
    expect(round.phase).toMatchObject({ kind: 'recruiting' });
    expect(round.until()).toBe(600_000);
    round.count(100_000, six.slice(0, 5));
    expect(round.until()).toBe(200_000); // As long again as they took.
  });

  it('is never longer than the deadlines', () => {
    const round = roundOf();
    round.count(590_000, six.slice(0, 5));
    expect(round.until()).toBe(600_000);
    round.count(600_000, six.slice(0, 5));
    expect(round.phase.kind).toBe('collecting');
  });

  it('closes a minute after all but one have sent, or after as long again as they took', () => {
    for (const [lastMs, untilMs] of [
      [10_000, 70_000],
      [300_000, 600_000],
    ] as const) {
      const round = roundOf();
      round.count(0, six);
      for (const cluster of six.slice(0, 4)) round.update(5_000, cluster);
      expect(round.until()).toBe(7_200_000);
      round.update(lastMs, six[4] as ClusterId);
      expect(round.until()).toBe(untilMs);
      round.pass(untilMs - 1);
      expect(round.phase.kind).toBe('collecting');
      round.pass(untilMs);
      expect(round.phase).toMatchObject({ kind: 'aggregating', closedAtMs: untilMs, stragglers: six.slice(5) });
    }
  });

  it('counts the last one when it comes within, and ends there', () => {
    const round = roundOf();
    round.count(0, six);
    for (const cluster of six.slice(0, 5)) round.update(10_000, cluster);
    round.update(69_999, six[5] as ClusterId);
    expect(round.phase).toMatchObject({ kind: 'aggregating', closedAtMs: 69_999, stragglers: [] });
  });

  it('ends where an operator expels one whose update made them enough, and begins where he expels one without', () => {
    const round = roundOf({ ...sixOfWhomOneMayLie, updatesMin: 3, quorum: { kind: 'count', updates: 3 } });
    round.count(0, six);
    for (const cluster of six.slice(0, 3)) round.update(1_000, cluster);
    expect(round.until()).toBe(7_200_000);
    round.expel(2_000, six[5] as ClusterId); // Five are left, and one of them may be missing.
    expect(round.until()).toBe(7_200_000);
    round.update(3_000, six[3] as ClusterId);
    expect(round.until()).toBe(63_000);
    round.expel(4_000, six[0] as ClusterId); // Four are left, three of whom have sent.
    expect(round.until()).toBe(63_000);
    round.expel(5_000, six[1] as ClusterId); // Three are left, two of whom have sent: fewer than the quorum.
    expect(round.until()).toBe(7_200_000);
  });

  it('is none under rules from before there was one, and none in a round that closes at its deadline alone', () => {
    const { graceMs: _, sparedMax: __, ...before } = sixOfWhomOneMayLie;
    for (const rules of [before, { ...sixOfWhomOneMayLie, graceMs: null }]) {
      const round = roundOf(rules);
      round.count(20, six.slice(0, 5));
      expect(round.until()).toBe(600_000);
    }
    const patient = roundOf({ ...sixOfWhomOneMayLie, closesAtGoal: false });
    patient.count(0, six);
    for (const cluster of six) patient.update(1_000, cluster);
    expect(patient.until()).toBe(7_200_000);
  });
});
