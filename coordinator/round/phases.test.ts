import { describe, expect, it } from 'vitest';
import type { ClusterId } from '../../proto/ids.ts';
import { baseDigest, digestNamed, olderDigests } from './arbitraries.ts';
import type { RoundEvent, RoundPhase } from './phase.ts';
import type { RoundRules } from './rules.ts';
import { countedOf, deadlineOf, type Step, step } from './step.ts';

const rules: RoundRules = {
  goal: { kind: 'count', updates: 3 },
  overSelection: 2,
  quorum: { kind: 'count', updates: 2 },
  updatesMin: 2,
  recruitForMs: 100,
  collectForMs: 1_000,
  aggregateForMs: 500,
  closesAtGoal: true,
  carryOver: { stalenessMax: 1, exponent: 0.5 },
};
const [a, b, c, d] = ['a', 'b', 'c', 'd'] as [ClusterId, ClusterId, ClusterId, ClusterId];
const base = { version: 3, digest: baseDigest };
const scheduled: RoundPhase = { kind: 'scheduled', dueAtMs: 5 };
const opened: RoundEvent = { kind: 'opened', atMs: 10, seed: 1, base };
const counted = (eligible: readonly ClusterId[], atMs: number, enrolledCount = eligible.length): RoundEvent => ({
  ...{ kind: 'counted', atMs, eligible, enrolledCount, roundKey: 'a2V5', olderBases: olderDigests },
});
const offer = (cluster: ClusterId, payload: number) => ({
  ...{ cluster, payloadDigest: digestNamed(payload), payloadBytes: 4, baseDigest, exampleCount: 1, signature: 's' },
});
const update = (cluster: ClusterId, payload: number, atMs = 30): RoundEvent => ({
  ...{ kind: 'updateArrived', atMs, update: offer(cluster, payload) },
});
const accepted = (cluster: ClusterId, payload: number, acceptedAtMs = 30) => ({
  ...{ ...offer(cluster, payload), staleness: 0, acceptedAtMs },
});
const expelled = (cluster: ClusterId): RoundEvent => ({
  ...{ kind: 'expelled', atMs: 40, expelled: { cluster, code: 'CLUSTER_REVOKED' } },
});
const aggregated = (atMs: number): RoundEvent => ({
  ...{ kind: 'aggregated', atMs, candidate: { version: 4, digest: digestNamed(9) }, provenance: digestNamed(8) },
  optimiserState: null,
});
const cancelled = (atMs: number): RoundEvent => ({ kind: 'cancelled', atMs, detail: 'by hand' });
const refusedBy = (atMs: number): RoundEvent => ({
  ...{ kind: 'aggregationRefused', atMs, reason: 'ROUND_KEY_LOST', detail: 'the key is gone' },
});
const timePassed = (atMs: number, cause?: string): RoundEvent => ({
  ...{ kind: 'timePassed', atMs, ...(cause !== undefined && { cause }) },
});

/** As it is stored: a list that grew is an array there. */
const plain = (made: Step) => JSON.parse(JSON.stringify(made)) as Step;
function phaseAfter(events: readonly RoundEvent[], under = rules): RoundPhase {
  return events.reduce<RoundPhase>((phase, event) => {
    const made = step(phase, event, under);
    if (made.kind === 'refused') throw new Error(made.fault.message);
    return made.phase;
  }, scheduled);
}
/** The phase that a step led to, of the kind that is expected. */
function movedBy<Kind extends RoundPhase['kind'] = RoundPhase['kind']>(made: Step) {
  if (made.kind === 'refused') throw new Error(made.fault.message);
  return made.phase as Extract<RoundPhase, { kind: Kind }>;
}
const ended = ['announce', 'destroyKey', 'dropPartials'];
const abandoned = (atMs: number, reason: string, detail: string, more: object = {}) => ({
  kind: 'moved',
  phase: { kind: 'abandoned', endedAtMs: atMs, reason, detail, cohort: [], accepted: [], ...more },
  effects: ended,
});

const recruiting = phaseAfter([opened]);
const collecting = phaseAfter([opened, counted([a, b, c, d], 20)]);
const aggregating = phaseAfter([opened, counted([a, b, c, d], 20), update(a, 1), update(b, 2), update(c, 3, 35)]);
const candidate = step(aggregating, aggregated(100), rules);

describe('a round holds what is true in its phase, and nothing else', () => {
  it('recruits for as long as its rules say', () => {
    expect(plain(step(scheduled, opened, rules))).toEqual({
      kind: 'moved',
      phase: { kind: 'recruiting', openedAtMs: 10, recruitsUntilMs: 110, seed: 1, base },
      effects: [],
    });
  });

  it('collects from whom it invited, with the older bases that its rules allow', () => {
    expect(plain(step(recruiting, counted([a, b, c, d], 20), rules))).toEqual({
      kind: 'moved',
      phase: {
        ...{ kind: 'collecting', openedAtMs: 10, closesAtMs: 1_020, seed: 1, base },
        ...{ olderBases: [olderDigests[0]], cohort: [a, b, c, d], goalUpdates: 3, quorumUpdates: 2 },
        ...{ roundKey: 'a2V5', accepted: [], expelled: [] },
      },
      effects: ['invite'],
    });
    const without = { ...rules, carryOver: null };
    expect(phaseAfter([opened, counted([a, b], 20)], without)).toMatchObject({ olderBases: [] });
  });

  it('aggregates what arrived, in that order, and names who did not send', () => {
    const two = phaseAfter([opened, counted([a, b, c, d], 20), update(b, 2), update(a, 1, 31)]);
    expect(plain(step(two, update(c, 3, 35), rules))).toEqual({
      kind: 'moved',
      phase: {
        ...{ kind: 'aggregating', openedAtMs: 10, closedAtMs: 35, abandonsAtMs: 535, seed: 1, base },
        ...{ cohort: [a, b, c, d], quorumUpdates: 2, roundKey: 'a2V5', expelled: [], stragglers: [d] },
        accepted: [accepted(b, 2), accepted(a, 1, 31), accepted(c, 3, 35)],
      },
      effects: ['announce', 'aggregate', 'dropPartials'],
    });
  });

  it('keeps with its candidate what the candidate was made of, and no key', () => {
    expect(plain(candidate)).toEqual({
      kind: 'moved',
      phase: {
        ...{ kind: 'candidate', openedAtMs: 10, closedAtMs: 35, endedAtMs: 100, base, cohort: [a, b, c, d] },
        ...{ accepted: [accepted(a, 1), accepted(b, 2), accepted(c, 3, 35)], expelled: [], stragglers: [d] },
        ...{ candidate: { version: 4, digest: digestNamed(9) }, provenance: digestNamed(8), optimiserState: null },
      },
      effects: ['announce', 'destroyKey'],
    });
  });
});

describe('a round is abandoned', () => {
  it('by an operator, in every phase before its end; one that never opened has nothing to undo', () => {
    const by = (phase: RoundPhase) => plain(step(phase, cancelled(50), rules));
    const whole = (more: object) => abandoned(50, 'CANCELLED', 'by hand', more);
    expect(by(scheduled)).toEqual({ ...whole({}), effects: [] });
    expect(by(recruiting)).toEqual(whole({}));
    expect(by(phaseAfter([opened, counted([a, b, c, d], 20), update(a, 1)]))).toEqual(
      whole({ cohort: [a, b, c, d], accepted: [accepted(a, 1)] }),
    );
    expect(by(aggregating)).toMatchObject(whole({ cohort: [a, b, c, d], accepted: expect.any(Array) }));
  });

  it('when the aggregation refuses, or its key is lost, in every phase that has one', () => {
    for (const [phase, cohort] of [
      [recruiting, []],
      [collecting, [a, b, c, d]],
      [aggregating, [a, b, c, d]],
    ] as const) {
      const whole = abandoned(60, 'ROUND_KEY_LOST', 'the key is gone', { cohort, accepted: expect.any(Array) });
      expect(plain(step(phase, refusedBy(60), rules))).toMatchObject(whole);
    }
    const still = { kind: 'moved', phase: scheduled, effects: [] };
    expect(step(scheduled, refusedBy(60), rules)).toEqual(still);
  });

  it('at its recruiting deadline, by a count or by time alone, and not a millisecond before', () => {
    expect(step(recruiting, timePassed(109), rules)).toEqual({ kind: 'moved', phase: recruiting, effects: [] });
    const nobody = 'too few clusters were connected by the deadline';
    expect(plain(step(recruiting, timePassed(110), rules))).toEqual(abandoned(110, 'COHORT_TOO_SMALL', nobody));
    expect(step(recruiting, counted([a], 109, 4), rules)).toEqual({ kind: 'moved', phase: recruiting, effects: [] });
    const few = '1 clusters were connected by the deadline; 2 updates are the quorum';
    expect(plain(step(recruiting, counted([a], 110, 4), rules))).toEqual(abandoned(110, 'COHORT_TOO_SMALL', few));
    // As many as the quorum are enough when the time is up.
    expect(phaseAfter([opened, counted([a, b], 110, 4)]).kind).toBe('collecting');
    expect(phaseAfter([opened, counted([a, b], 109, 4)]).kind).toBe('recruiting');
  });

  it('when its quorum is missed, with what it had', () => {
    const one = phaseAfter([opened, counted([a, b, c, d], 20), update(a, 1)]);
    expect(plain(step(one, timePassed(1_020), rules))).toEqual(
      abandoned(1_020, 'QUORUM_MISSED', '1 of at least 2 updates were accepted', {
        ...{ cohort: [a, b, c, d], accepted: [accepted(a, 1)] },
      }),
    );
  });

  it('when no candidate came by its deadline: a candidate at the deadline is too late', () => {
    const late = (detail: string) =>
      abandoned(535, 'AGGREGATION_OVERDUE', detail, { cohort: [a, b, c, d], accepted: expect.any(Array) });
    const none = 'no candidate came out by the deadline';
    expect(step(aggregating, timePassed(534), rules)).toEqual({ kind: 'moved', phase: aggregating, effects: [] });
    expect(plain(step(aggregating, timePassed(535), rules))).toMatchObject(late(none));
    expect(plain(step(aggregating, timePassed(535, 'no worker'), rules))).toMatchObject(late(`${none}: no worker`));
    expect(plain(step(aggregating, aggregated(535), rules))).toMatchObject(late(none));
    expect(step(aggregating, aggregated(534), rules)).toMatchObject({ phase: { kind: 'candidate' } });
  });
});

describe('a round passes over', () => {
  it.each([
    ['scheduled', scheduled, [counted([a, b], 20), timePassed(9_000), expelled(a), aggregated(30)]],
    ['recruiting', recruiting, [opened, expelled(a), aggregated(30)]],
    ['collecting', collecting, [opened, counted([a], 30), aggregated(30)]],
    ['aggregating', aggregating, [opened, counted([a], 30), expelled(a)]],
    ['candidate', movedBy(candidate), [cancelled(9_000), timePassed(9_000), refusedBy(9_000)]],
    ['abandoned', phaseAfter([opened, cancelled(20)]), [opened, timePassed(9_000), aggregated(30), cancelled(30)]],
  ] as const)('what is nothing to it while it is %s', (_, phase, events) => {
    for (const event of events) {
      const made = step(phase, event, rules);
      expect(made).toEqual({ kind: 'moved', phase, effects: [] });
      expect(made.kind === 'moved' && made.phase).toBe(phase);
    }
  });
});

describe('deadlineOf', () => {
  it('is when time alone changes the phase, where it does', () => {
    const ends = [scheduled, recruiting, collecting, aggregating, phaseAfter([opened, cancelled(20)])].map(deadlineOf);
    expect([...ends, deadlineOf(movedBy(candidate))]).toEqual([...[undefined, 110, 1_020, 535, undefined, undefined]]);
  });
});

describe('a cluster that loses its good standing', () => {
  it('is written down once, by name, whoever is not of the cohort not at all', () => {
    const both = step(movedBy(step(collecting, expelled(d), rules)), expelled(b), rules);
    expect(plain(both)).toMatchObject({
      phase: { kind: 'collecting', expelled: [{ cluster: b, code: 'CLUSTER_REVOKED' }, { cluster: d }] },
      effects: [],
    });
    const three = step(movedBy(both), expelled(c), rules);
    expect(movedBy<'collecting'>(three).expelled.map(({ cluster }) => cluster)).toEqual([b, c, d]);
    for (const cluster of [d, 'z' as ClusterId]) {
      const phase = movedBy(both);
      expect(step(phase, expelled(cluster), rules)).toEqual({ kind: 'moved', phase, effects: [] });
    }
  });

  it('counts no more, neither as an update nor as one to wait for', () => {
    const two = phaseAfter([opened, counted([a, b, c, d], 20), update(a, 1), update(b, 2)]);
    const oneOut = movedBy<'collecting'>(step(two, expelled(a), rules));
    expect(oneOut.kind).toBe('collecting'); // b of b, c and d.
    expect(countedOf(oneOut).map(({ cluster }) => cluster)).toEqual([b]);
    const threeLeft = movedBy<'collecting'>(step(two, expelled(d), rules));
    expect(threeLeft.kind).toBe('collecting'); // a and b of a, b and c.
    expect(step(threeLeft, expelled(c), rules)).toMatchObject({ phase: { kind: 'aggregating', closedAtMs: 40 } });
  });

  it('ends a round whose quorum went with it', () => {
    const two = phaseAfter([opened, counted([a, b, c, d], 20), update(a, 1), update(b, 2)]);
    const gone = [c, d, a].reduce<RoundPhase>(
      (phase, cluster) => movedBy(step(phase, expelled(cluster), { ...rules, closesAtGoal: false })),
      two,
    );
    expect(plain(step(gone, timePassed(1_020), rules))).toMatchObject({
      phase: { reason: 'QUORUM_MISSED', detail: '1 of at least 2 updates were accepted' },
    });
  });

  it('leaves a round that is to wait for its deadline waiting', () => {
    const waiting = { ...rules, closesAtGoal: false };
    const full = phaseAfter(
      [opened, counted([a, b, c, d], 20), update(a, 1), update(b, 2), update(c, 3), update(d, 4)],
      waiting,
    );
    expect(full.kind).toBe('collecting');
    expect(step(full, timePassed(1_020), waiting)).toMatchObject({ phase: { kind: 'aggregating', stragglers: [] } });
  });
});

describe('an update that is refused', () => {
  const refusal = (phase: RoundPhase, event: RoundEvent, under = rules) => {
    const made = step(phase, event, under);
    return made.kind === 'refused' ? made.fault : made;
  };
  const from = (baseOfIt: number): RoundEvent => ({
    ...{ kind: 'updateArrived', atMs: 30, update: { ...offer(b, 2), baseDigest: digestNamed(baseOfIt) } },
  });

  it('says why, and what to do', () => {
    const one = phaseAfter([opened, counted([a, b, c, d], 20), update(a, 1)]);
    for (const phase of [scheduled, recruiting]) {
      const message = 'this round takes no updates yet; wait for its invitation';
      expect(refusal(phase, update(a, 1))).toEqual({ code: 'ROUND_NOT_COLLECTING', message });
    }
    expect(refusal(one, update('z' as ClusterId, 2))).toEqual({
      code: 'NOT_IN_COHORT',
      message: 'cluster z was not invited to this round; wait for an invitation',
    });
    expect(refusal(one, update(a, 2))).toEqual({
      code: 'UPDATE_CONFLICT',
      message: 'cluster a has another accepted update in this round',
      fields: { accepted: digestNamed(1), offered: digestNamed(2) },
    });
    expect(refusal(one, update(b, 1))).toEqual({
      code: 'PAYLOAD_REUSED',
      message: 'another cluster has sent these very bytes in this round; seal your own update',
    });
    const closed = { code: 'ROUND_CLOSED', message: 'this round takes no updates any more; join the next one' };
    expect(refusal(one, update(b, 2, 1_020))).toEqual(closed);
    expect(refusal(aggregating, update(d, 4))).toEqual(closed);
    expect(step(one, update(b, 2, 1_019), rules)).toMatchObject({ kind: 'moved' });
    const out = movedBy<'collecting'>(step(one, expelled(b), rules));
    expect(refusal(out, update(b, 2))).toEqual({
      code: 'CLUSTER_QUARANTINED',
      message: 'cluster b is kept out of this round by an operator',
    });
    expect(step(out, update(c, 3), rules)).toMatchObject({ kind: 'moved' });
  });

  it('names the base that would be right, and an older one only where it may be', () => {
    const one = phaseAfter([opened, counted([a, b, c, d], 20)]);
    const fields = { expected: baseDigest, actual: digestNamed(77) };
    const message = "the update starts from another model; start from the round's base";
    expect(refusal(one, from(77))).toEqual({ code: 'UPDATE_TOO_STALE', message: `${message} or a recent one`, fields });
    const strict = { ...rules, carryOver: null };
    const without = phaseAfter([opened, counted([a, b, c, d], 20)], strict);
    expect(refusal(without, from(77), strict)).toEqual({ code: 'BASE_MISMATCH', message, fields });
  });
});
