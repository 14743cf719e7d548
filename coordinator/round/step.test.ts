import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ClusterId } from '../../proto/ids.ts';
import {
  baseDigest,
  digestNamed,
  eventLists,
  fiveOrThree,
  legalRules,
  members,
  olderDigests,
  outsiders,
} from './arbitraries.ts';
import type { Accepted, RoundEvent, RoundPhase } from './phase.ts';
import { checkRoundRules, type RoundRules } from './rules.ts';
import { countedOf, deadlineOf, step } from './step.ts';

const rules = fiveOrThree;
const scheduled: RoundPhase = { kind: 'scheduled', dueAtMs: 0 };
const opened: RoundEvent = { kind: 'opened', atMs: 10, seed: 1, base: { version: 3, digest: baseDigest } };
const counted = (eligible: readonly ClusterId[], atMs = 20, enrolledCount = members.length): RoundEvent => ({
  kind: 'counted',
  atMs,
  eligible,
  enrolledCount,
  roundKey: 'a2V5',
  olderBases: olderDigests,
});
const update = (cluster: ClusterId, digest: number, atMs = 30, base = baseDigest): RoundEvent => ({
  kind: 'updateArrived',
  atMs,
  update: {
    cluster,
    payloadDigest: digestNamed(digest),
    payloadBytes: 4,
    baseDigest: base,
    exampleCount: 1,
    signature: 's',
  },
});

/** Runs events over a phase; refused ones change nothing. Returns the last phase, all effects, all refusal codes. */
function run(events: readonly RoundEvent[], under: RoundRules = rules, from: RoundPhase = scheduled) {
  let phase = from;
  const effects: string[] = [];
  const codes: string[] = [];
  for (const event of events) {
    const result = step(phase, event, under);
    if (result.kind === 'refused') codes.push(result.fault.code);
    else {
      phase = result.phase;
      effects.push(...result.effects);
    }
  }
  return { phase, effects, codes };
}

function as<Kind extends RoundPhase['kind']>(phase: RoundPhase, kind: Kind): Extract<RoundPhase, { kind: Kind }> {
  expect(phase.kind).toBe(kind);
  return phase as Extract<RoundPhase, { kind: Kind }>;
}

const asStored = <Value>(value: Value) => JSON.parse(JSON.stringify(value)) as Value;

describe('a round', () => {
  it('goes from scheduled to a candidate, with each effect once', () => {
    const collecting = as(run([opened, counted(members)]).phase, 'collecting');
    expect(collecting.cohort).toHaveLength(7); // ceil(5 x 1.3)
    const updates = collecting.cohort.slice(0, 5).map((cluster, index) => update(cluster, index));
    const { phase, effects } = run([
      opened,
      counted(members),
      ...updates,
      {
        kind: 'aggregated',
        atMs: 40,
        candidate: { version: 4, digest: digestNamed(9) },
        provenance: digestNamed(8),
        optimiserState: null,
      },
    ]);
    expect(as(phase, 'candidate').stragglers).toEqual(collecting.cohort.slice(5));
    expect(effects).toEqual(['invite', 'announce', 'aggregate', 'dropPartials', 'announce', 'destroyKey']);
  });

  it('chooses the same cohort whatever the order of arrival, and another for another seed', () => {
    const forward = as(run([opened, counted(members)]).phase, 'collecting').cohort;
    const backward = as(run([opened, counted([...members].reverse())]).phase, 'collecting').cohort;
    expect(backward).toEqual(forward);
    const seeds = [2, 3, 4].map((seed) => {
      const other: RoundEvent = { ...opened, seed } as RoundEvent;
      return as(run([other, counted(members)]).phase, 'collecting').cohort.join();
    });
    expect(new Set([forward.join(), ...seeds]).size).toBeGreaterThan(1);
  });

  it('waits for more clusters until its recruiting deadline, then starts with a quorum', () => {
    expect(run([opened, counted(members.slice(0, 4))]).phase.kind).toBe('recruiting');
    const started = as(run([opened, counted(members.slice(0, 4), 110)]).phase, 'collecting');
    expect(started.goalUpdates).toBe(4);
  });

  it('starts at once when everyone enrolled is there', () => {
    expect(run([opened, counted(members.slice(0, 4), 20, 4)]).phase.kind).toBe('collecting');
  });

  it('is abandoned when fewer clusters than the rule needs are there by the deadline', () => {
    const lowQuorum: RoundRules = { ...rules, quorum: { kind: 'share', ofCohort: 0.1 } };
    const { phase } = run([opened, counted(members.slice(0, 2), 110)], lowQuorum);
    expect(as(phase, 'abandoned').reason).toBe('COHORT_TOO_SMALL');
  });

  it('closes at its deadline with a quorum, without one it is abandoned naming the receipted updates', () => {
    const cohort = as(run([opened, counted(members)]).phase, 'collecting').cohort;
    const some = (count: number) => cohort.slice(0, count).map((cluster, index) => update(cluster, index));
    const late: RoundEvent = { kind: 'timePassed', atMs: 1_020 };
    expect(run([opened, counted(members), ...some(3), { kind: 'timePassed', atMs: 1_019 }]).phase.kind).toBe(
      'collecting',
    );
    expect(run([opened, counted(members), ...some(3), late]).phase.kind).toBe('aggregating');
    const missed = as(run([opened, counted(members), ...some(2), late]).phase, 'abandoned');
    expect(missed.reason).toBe('QUORUM_MISSED');
    expect(missed.accepted.map(({ cluster }) => cluster)).toEqual(cohort.slice(0, 2));
  });

  it('stays the same object when an update is sent again, in every later phase', () => {
    const cohort = as(run([opened, counted(members)]).phase, 'collecting').cohort;
    const first = cohort[0] as ClusterId;
    const collecting = run([opened, counted(members), update(first, 1)]).phase;
    expect(step(collecting, update(first, 1, 900), rules)).toEqual({ kind: 'moved', phase: collecting, effects: [] });
    const full = run([
      opened,
      counted(members),
      ...cohort.slice(0, 5).map((cluster, i) => update(cluster, i + 1)),
    ]).phase;
    const again = step(as(full, 'aggregating'), update(first, 1, 5_000), rules);
    expect(again.kind === 'moved' && again.phase === full).toBe(true);
  });

  it('names its refusals: early, outsider, second digest, other base, late', () => {
    const cohort = as(run([opened, counted(members)]).phase, 'collecting').cohort;
    const [a, b] = cohort as [ClusterId, ClusterId];
    const stranger = members.find((member) => !cohort.includes(member)) as ClusterId;
    const { codes } = run([
      update(a, 1, 5),
      opened,
      counted(members),
      update(stranger, 1),
      update(outsiders[0] as ClusterId, 1),
      update(a, 1),
      update(a, 2),
      update(b, 3, 30, digestNamed(77)),
      update(b, 3, 1_020),
    ]);
    expect(codes).toEqual([
      'ROUND_NOT_COLLECTING',
      'NOT_IN_COHORT',
      'NOT_IN_COHORT',
      'UPDATE_CONFLICT',
      'BASE_MISMATCH',
      'ROUND_CLOSED',
    ]);
  });

  it('takes an older base only under carry-over, and writes its staleness down', () => {
    const carrying: RoundRules = { ...rules, carryOver: { stalenessMax: 1, exponent: 0.5 } };
    const start = [opened, counted(members)];
    const [a, b] = as(run(start, carrying).phase, 'collecting').cohort as [ClusterId, ClusterId];
    const [one, two] = olderDigests as [typeof baseDigest, typeof baseDigest];
    const { phase, codes } = run([...start, update(a, 1, 30, one), update(b, 2, 30, two)], carrying);
    expect(as(phase, 'collecting').accepted.map(({ staleness }) => staleness)).toEqual([1]);
    expect(codes).toEqual(['UPDATE_TOO_STALE']);
  });

  it('counts nothing of a cluster that lost its good standing', () => {
    const start = [opened, counted(members)];
    const cohort = as(run(start).phase, 'collecting').cohort;
    const [bad] = cohort as [ClusterId];
    const expelled: RoundEvent = {
      kind: 'expelled',
      atMs: 40,
      expelled: { cluster: bad, code: 'CLUSTER_QUARANTINED' },
    };
    const updates = cohort.slice(0, 5).map((cluster, index) => update(cluster, index));
    const { phase } = run([...start, updates[0] as RoundEvent, expelled, ...updates.slice(1)]);
    expect(countedOf(as(phase, 'collecting')).map(({ cluster }) => cluster)).toEqual(cohort.slice(1, 5));
    expect(run([...start, expelled, updates[0] as RoundEvent]).codes).toEqual(['CLUSTER_QUARANTINED']);
  });
});

describe('whatever the events, a round', () => {
  it('accepts nobody who was not eligible, and each cohort member once', () => {
    fc.assert(
      fc.property(eventLists, legalRules, (events, under) => {
        const eligible = new Set(events.flatMap((event) => (event.kind === 'counted' ? event.eligible : [])));
        const { phase } = run(events, under);
        const accepted: readonly Accepted[] = 'accepted' in phase ? [...phase.accepted] : [];
        const cohort: readonly ClusterId[] = 'cohort' in phase ? phase.cohort : [];
        expect(new Set(accepted.map(({ cluster }) => cluster)).size).toBe(accepted.length);
        for (const { cluster } of accepted) {
          expect(cohort).toContain(cluster);
          expect(eligible.has(cluster)).toBe(true);
        }
      }),
      { numRuns: 3_000 },
    );
  });

  it('never loses, changes or reorders an accepted update', () => {
    fc.assert(
      fc.property(eventLists, legalRules, (events, under) => {
        let phase: RoundPhase = scheduled;
        let before: readonly Accepted[] = [];
        for (const event of events) {
          const result = step(phase, event, under);
          if (result.kind === 'moved') phase = result.phase;
          const now: readonly Accepted[] = 'accepted' in phase ? [...phase.accepted] : [];
          expect(now.slice(0, before.length)).toEqual(before);
          before = now;
        }
      }),
      { numRuns: 2_000 },
    );
  });

  it('goes on the same from its stored form', () => {
    fc.assert(
      fc.property(eventLists, legalRules, (events, under) => {
        let phase: RoundPhase = scheduled;
        let stored: RoundPhase = scheduled;
        for (const event of events) {
          const live = step(phase, event, under);
          const replayed = step(stored, asStored(event), asStored(under));
          expect(asStored(replayed)).toEqual(asStored(live));
          if (live.kind === 'moved') phase = live.phase;
          stored = asStored(phase);
        }
      }),
      { numRuns: 1_000 },
    );
  });

  it('never aggregates fewer updates than its rule needs', () => {
    fc.assert(
      fc.property(eventLists, legalRules, (events, under) => {
        const { phase } = run(events, under);
        if (phase.kind === 'aggregating') expect(countedOf(phase).length).toBeGreaterThanOrEqual(under.updatesMin);
      }),
      { numRuns: 3_000 },
    );
  });

  it('ends by its deadlines once it has opened: three timers at the most', () => {
    fc.assert(
      fc.property(eventLists, legalRules, (events, under) => {
        let { phase } = run(events, under);
        if (phase.kind === 'scheduled') return;
        for (let timers = 0; timers < 3; timers++) {
          const atMs = deadlineOf(phase);
          if (atMs === undefined) break;
          phase = run([{ kind: 'timePassed', atMs }], under, phase).phase;
        }
        expect(['candidate', 'abandoned']).toContain(phase.kind);
      }),
      { numRuns: 3_000 },
    );
  });
});

describe('checkRoundRules', () => {
  it('refuses a quorum that the aggregation rule cannot score', () => {
    const result = checkRoundRules({ ...rules, quorum: { kind: 'count', updates: 4 }, updatesMin: 5 });
    expect(result.ok).toBe(false);
    expect(!result.ok && result.fault.message).toMatch(/quorum of 4 .* at least 5/);
  });

  it('reports every problem together', () => {
    const result = checkRoundRules({
      ...rules,
      overSelection: 0.5,
      quorum: { kind: 'share', ofCohort: 1.5 },
      collectForMs: Number.NaN,
      carryOver: { stalenessMax: 0, exponent: -1 },
    });
    const message = result.ok ? '' : result.fault.message;
    for (const name of ['overSelection', 'ofCohort', 'collectForMs', 'stalenessMax', 'exponent']) {
      expect(message).toContain(name);
    }
  });

  it('takes every set of rules that the property tests use', () => {
    fc.assert(
      fc.property(legalRules, (candidate) => {
        expect(checkRoundRules(candidate).ok).toBe(true);
      }),
    );
  });
});
