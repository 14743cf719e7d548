import { beforeEach, describe, expect, it } from 'vitest';
import { digestOf } from '../../../proto/digest.ts';
import type { ClusterId, RoundId, TrackId } from '../../../proto/ids.ts';
import type { RoundEffect, RoundEvent } from '../../round/phase.ts';
import { rulesOf } from '../../round/policy.ts';
import type { Standing } from '../../round/standing.ts';
import { changedParts, folded } from '../../testing/folding.ts';
import { newState, track, weightsOf } from '../../testing/released-state.ts';
import { policy } from '../../testing/small-federation.ts';
import type { JournalEvent } from '../journal/events.ts';
import { openRoundOf, type Round, roundsKept, type State } from './state.ts';

const first = 'r-1' as RoundId;
const members = ['a', 'b', 'c', 'd', 'e'] as ClusterId[];
const rules = rulesOf(policy);
const reason = 'test';
const provenance = digestOf(Buffer.from('provenance'));

type Scheduling = Partial<Extract<JournalEvent, { kind: 'roundScheduled' }>>;
function scheduled(round: RoundId, more: Scheduling = {}): JournalEvent {
  return { kind: 'roundScheduled', track, round, dueAtMs: 50, rules, policy, servesUntilMs: null, reason, ...more };
}
function stepped(event: RoundEvent, effects: readonly RoundEffect[] = [], round = first): JournalEvent {
  return { kind: 'roundStepped', track, round, event, effects };
}
const trackIn = (state: State) => state.tracks.get(track) ?? expect.fail('no track');
const roundIn = (state: State, round = first): Round => trackIn(state).rounds.get(round) ?? expect.fail('no round');

const base = { version: 0, digest: weightsOf(0) };
const opened = stepped({ kind: 'opened', atMs: 50, seed: 7, base });
const counted = stepped(
  { kind: 'counted', atMs: 51, eligible: members, enrolledCount: 5, roundKey: 'a2V5', olderBases: [] },
  ['invite'],
);
function arrived(cluster: ClusterId, effects: readonly RoundEffect[] = []): JournalEvent {
  const payload = {
    payloadDigest: digestOf(Buffer.from(cluster)),
    payloadBytes: 4,
    exampleCount: 9,
    signature: 'c2ln',
  };
  return stepped(
    { kind: 'updateArrived', atMs: 52, update: { cluster, baseDigest: base.digest, ...payload } },
    effects,
  );
}
const closing: readonly RoundEffect[] = ['announce', 'aggregate', 'dropPartials'];
const arrivals = members.map((cluster) => arrived(cluster, cluster === 'e' ? closing : []));
function aggregated(version: number): JournalEvent {
  const candidate = { version, digest: weightsOf(version) };
  return stepped({ kind: 'aggregated', atMs: 53, candidate, provenance, optimiserState: null }, [
    'announce',
    'destroyKey',
  ]);
}
const cancelled = (round = first): JournalEvent => stepped({ kind: 'cancelled', atMs: 60, detail: 'stop' }, [], round);

const empty = newState();
let waiting: State;
let collecting: State;
let aggregating: State;
let ended: State;
// In each test: what is folded while the file is loaded would be folded before a mutant is switched on.
beforeEach(() => {
  waiting = folded(empty, [scheduled(first)], { atMs: 40 });
  collecting = folded(waiting, [opened, counted]);
  aggregating = folded(collecting, arrivals);
  ended = folded(aggregating, [aggregated(1)], { atMs: 54 });
});

describe('a round', () => {
  it('waits for its time once it is scheduled, under the rules and the policy of then', () => {
    expect(roundIn(waiting)).toEqual({
      ...{ track, round: first, rules, policy, reason, scheduledAtMs: 40, phase: { kind: 'scheduled', dueAtMs: 50 } },
      ...{ pending: [], sequences: [], refusedCount: 0, refusals: [], keyDestroyedAtMs: null, inputKeys: null },
    });
    expect(changedParts(empty, waiting)).toEqual(['tracks']);
    expect(trackIn(empty).rounds.size).toBe(0);
    const { rounds, ...others } = trackIn(waiting);
    expect({ ...others, rounds: new Map() }).toEqual({ ...trackIn(empty), roundCount: 1 });
    expect([...rounds.keys()]).toEqual([first]);
  });

  it('serves the schedule as far as it says, and has priors where its policy has', () => {
    const priors = { a: 0.5 };
    const after = folded(empty, [scheduled(first, { servesUntilMs: 900, priors })]);
    expect(trackIn(after).servedUntilMs).toBe(900);
    expect(roundIn(after).priors).toEqual(priors);
    expect(trackIn(folded(after, [cancelled(), scheduled('r-2' as RoundId)])).servedUntilMs).toBe(900);
  });

  it('comes in turn', () => {
    for (const round of ['r-1', 'r-3'] as RoundId[]) {
      const message = `fold: ${round} is not the next round of syscall`;
      expect(() => folded(waiting, [scheduled(round)])).toThrow(message);
    }
  });

  it('has for each update the place of its entry', () => {
    const state = folded(collecting, arrivals.slice(0, 2));
    const place = collecting.seq + 1;
    expect([...roundIn(state).sequences]).toEqual([place, place + 1]);
    expect(roundIn(collecting).sequences.length).toBe(0);
    const again = folded(state, arrivals.slice(1, 2)); // The receipt was lost.
    expect([...roundIn(again).sequences]).toEqual([place, place + 1]);
    const later = folded(again, arrivals.slice(2, 3));
    expect([...roundIn(later).sequences]).toEqual([place, place + 1, place + 3]);
  });

  it('has to do what its steps ask for, until that is done or the round has moved on', () => {
    expect(roundIn(collecting).pending).toEqual(['invite']);
    expect(roundIn(folded(collecting, arrivals.slice(0, 1))).pending).toEqual(['invite']);
    expect(roundIn(aggregating).pending).toEqual(['announce', 'aggregate', 'dropPartials']);
    const again = folded(aggregating, arrivals.slice(0, 1)); // A receipt was lost.
    expect(roundIn(again).pending).toEqual(['announce', 'aggregate', 'dropPartials']);
    expect(roundIn(ended).pending).toEqual(['announce', 'dropPartials', 'destroyKey']);
    const done: JournalEvent = { kind: 'effectsDone', track, round: first, effects: ['announce', 'dropPartials'] };
    expect(roundIn(folded(ended, [done]))).toEqual({ ...roundIn(ended), pending: ['destroyKey'] });
    const destroyed = folded(ended, [{ kind: 'roundKeyDestroyed', track, round: first }], { atMs: 70 });
    expect(roundIn(destroyed)).toEqual({
      ...{ ...roundIn(ended), pending: ['announce', 'dropPartials'], keyDestroyedAtMs: 70 },
    });
  });

  it('keeps the keys of its updates until they are destroyed', () => {
    const keep: JournalEvent = { kind: 'inputKeysKept', track, round: first, untilMs: 99, updateCount: 5 };
    const destroy: JournalEvent = { kind: 'inputKeysDestroyed', track, round: first, because: 'AGE' };
    const kept = folded(ended, [keep]);
    expect(roundIn(kept)).toEqual({
      ...{ ...roundIn(ended), inputKeys: { untilMs: 99, updateCount: 5, destroyedAtMs: null } },
    });
    const destroyed = folded(kept, [destroy], { atMs: 98 });
    expect(roundIn(destroyed).inputKeys).toEqual({ untilMs: 99, updateCount: 5, destroyedAtMs: 98 });
    expect(roundIn(folded(ended, [destroy])).inputKeys).toBeNull();
  });

  it('leaves to the next what is open in the track', () => {
    expect([openRoundOf(trackIn(empty)), openRoundOf(trackIn(ended))]).toEqual([undefined, undefined]);
    for (const state of [waiting, collecting, aggregating]) expect(openRoundOf(trackIn(state))?.round).toBe(first);
    expect(openRoundOf(trackIn(folded(waiting, [cancelled()])))).toBeUndefined();
    const next = folded(ended, [scheduled('r-2' as RoundId)]);
    expect(openRoundOf(trackIn(next))?.round).toBe('r-2');
  });
});

describe('a candidate', () => {
  it('is the newest model, and the one that the next round starts from', () => {
    const model = { version: 1, digest: weightsOf(1), createdAtMs: 54, round: first, provenance, optimiserState: null };
    expect(trackIn(ended).models).toEqual([...trackIn(empty).models, model]);
    expect(trackIn(ended).headVersion).toBe(1);
    expect(roundIn(ended).phase).toMatchObject({ kind: 'candidate', candidate: { version: 1 } });
  });

  it('leaves the head where it was moved while the round ran, or where the round goes upward', () => {
    const another = { ...trackIn(aggregating), headVersion: 3 };
    const moved = { ...aggregating, tracks: new Map(aggregating.tracks).set(track, another) };
    expect(trackIn(folded(moved, [aggregated(1)])).headVersion).toBe(3);
    const upward = folded(empty, [scheduled(first, { policy: { ...policy, upward: true } }), opened, counted]);
    expect(trackIn(folded(upward, [...arrivals, aggregated(1)])).headVersion).toBe(0);
  });

  it('out of turn does not fit', () => {
    expect(() => folded(aggregating, [aggregated(2)])).toThrow('fold: r-1 made version 2 out of turn');
  });
});

describe('a step', () => {
  it('must come to the effects that the journal has', () => {
    const message = 'fold: r-1 now gives [invite] where the journal has []';
    const bare = { ...counted, effects: [] } as JournalEvent;
    expect(() => folded(waiting, [opened, bare])).toThrow(message);
  });

  it('that the round refuses does not fit', () => {
    const stranger = arrived('stranger' as ClusterId);
    expect(() => folded(collecting, [stranger])).toThrow('fold: r-1 refused a journalled event: ');
  });

  it('of a round or a track that there is not does not fit', () => {
    expect(() => folded(waiting, [cancelled('r-2' as RoundId)])).toThrow('fold: track syscall has no round r-2');
    const elsewhere = { ...cancelled(), track: 'dns' as TrackId } as JournalEvent;
    expect(() => folded(waiting, [elsewhere])).toThrow('fold: there is no track dns');
  });
});

describe('the rounds that are remembered', () => {
  /** Rounds that were called off before they opened: nothing of them is pending. */
  function calledOff(state: State, count: number): State {
    const from = trackIn(state).roundCount;
    const ids = Array.from({ length: count }, (_, index) => `r-${from + 1 + index}` as RoundId);
    return folded(
      state,
      ids.flatMap((round) => [scheduled(round), cancelled(round)]),
    );
  }
  const idsIn = (state: State) => [...trackIn(state).rounds.keys()];

  it('are the last, and the count goes on', () => {
    const full = calledOff(empty, roundsKept);
    expect(idsIn(full)).toHaveLength(roundsKept);
    const more = calledOff(full, 2);
    expect(idsIn(more)).toEqual([...idsIn(full).slice(2), 'r-65', 'r-66']);
    expect(trackIn(more).roundCount).toBe(66);
    expect(idsIn(full)[0]).toBe(first);
  });

  it('are also those of which something is still to be done, or whose keys are kept', () => {
    const { pending } = roundIn(ended);
    const done: JournalEvent = { kind: 'effectsDone', track, round: first, effects: pending };
    const keep: JournalEvent = { kind: 'inputKeysKept', track, round: first, untilMs: 99, updateCount: 5 };
    const destroy: JournalEvent = { kind: 'inputKeysDestroyed', track, round: first, because: 'AGE' };
    const isKept = (state: State) => idsIn(calledOff(state, roundsKept)).includes(first);
    expect(isKept(ended)).toBe(true);
    expect(isKept(folded(ended, [done]))).toBe(false);
    expect(isKept(folded(ended, [done, keep]))).toBe(true);
    expect(isKept(folded(ended, [done, keep, destroy]))).toBe(false);
    expect(isKept(waiting)).toBe(true); // It never ended.
  });

  it('are no more where a candidate ends the last of them', () => {
    const before = calledOff(empty, roundsKept);
    const last = 'r-65' as RoundId;
    const ofLast = (event: JournalEvent) => ({ ...event, round: last }) as JournalEvent;
    const events = [scheduled(last), ...[opened, counted, ...arrivals, aggregated(1)].map(ofLast)];
    expect(idsIn(folded(before, events.slice(0, -1)))).toHaveLength(roundsKept + 1);
    expect(idsIn(folded(before, events))).toEqual([...idsIn(before).slice(1), last]);
  });

  it('that are no more may have late news, which changes nothing', () => {
    const gone = 'r-9' as RoundId;
    const late: readonly JournalEvent[] = [
      { kind: 'effectsDone', track, round: gone, effects: ['announce'] },
      { kind: 'roundKeyDestroyed', track, round: gone },
      { kind: 'inputKeysKept', track, round: gone, untilMs: 99, updateCount: 5 },
      { kind: 'inputKeysDestroyed', track, round: gone, because: 'COUNT' },
      { kind: 'replayStarted', track, round: first, reason },
      {
        kind: 'roundReplayed',
        track,
        round: first,
        same: true,
        candidate: base.digest,
        provenance,
        optimiserState: null,
      },
    ];
    const after = folded(ended, late);
    expect(changedParts(ended, after)).toEqual([]);
    expect(after.seq).toBe(ended.seq + late.length);
  });
});

describe('records of clusters', () => {
  it('are replaced whole, and those of others stay', () => {
    const standing = (rounds: number): Standing => {
      return { rounds, leftOut: 0, refused: 0, score: 1, weight: 1, slope: null, lastRound: first };
    };
    const noted = (standings: Readonly<Record<string, Standing>>): JournalEvent => {
      return { kind: 'standingsNoted', track, round: first, standings };
    };
    const after = folded(ended, [noted({ a: standing(1), b: standing(1) }), noted({ b: standing(2) })]);
    expect(trackIn(after)).toEqual({ ...trackIn(ended), standings: { a: standing(1), b: standing(2) } });
  });
});

describe('a refusal', () => {
  type Refused = Extract<JournalEvent, { kind: 'refused' }>;
  const refused = (more: Partial<Refused> = {}): JournalEvent => ({
    ...{ kind: 'refused', what: 'update', code: 'NOT_IN_COHORT', cause: 'was not invited', alarm: false },
    ...{ track, round: first, cluster: 'eve', payloadDigest: null, repeats: 0, ...more },
  });

  it('of an update is noted with its round, and counts as many as it stands for', () => {
    const after = folded(collecting, [refused(), refused({ code: 'SIGNATURE_WRONG', repeats: 4 })], { atMs: 55 });
    const noted = { atMs: 55, cluster: 'eve', code: 'NOT_IN_COHORT', cause: 'was not invited', payloadDigest: null };
    expect(roundIn(after)).toEqual({
      ...{ ...roundIn(collecting), refusedCount: 6 },
      refusals: [noted, { ...noted, code: 'SIGNATURE_WRONG' }],
    });
  });

  it('is remembered among the last 256', () => {
    const flood = Array.from({ length: 258 }, (_, index) => refused({ cause: `${index}` }));
    const { refusedCount, refusals } = roundIn(folded(collecting, flood));
    expect([refusedCount, refusals.length, refusals[0]?.cause, refusals.at(-1)?.cause]).toEqual([258, 256, '2', '257']);
  });

  it.each<[string, Partial<Refused>]>([
    ['something else than an update', { what: 'fetch' }],
    ['a track that there is not', { track: 'dns' }],
    ['no track', { track: null }],
    ['what is no name of a track', { track: '../etc' }],
    ['a round that there is not', { round: 'r-2' }],
    ['no round', { round: null }],
    ['what is no name of a round', { round: 'constructor' }],
  ])('of %s changes nothing', (_, more) => {
    expect(changedParts(collecting, folded(collecting, [refused(more)]))).toEqual([]);
  });
});
