import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { digestOf } from '../../../proto/digest.ts';
import type { ClassName, ClusterId, FederationId, RoundId, TrackId } from '../../../proto/ids.ts';
import { rulesOf } from '../../round/policy.ts';
import { changedParts, folded } from '../../testing/folding.ts';
import { ada, bob, enrolled, eventsAfter, newState, released, track, weightsOf } from '../../testing/released-state.ts';
import { policy } from '../../testing/small-federation.ts';
import type { Actor, JournalEvent, SignedDocument } from '../journal/events.ts';
import { foldEntry } from './fold.ts';
import { emptyState } from './mutable-state.ts';
import { nameOf } from './name-of.ts';
import { readSnapshot, writeSnapshot } from './snapshot.ts';
import { headOf, type State } from './state.ts';

const reason = 'test';
const empty = newState();
const trackIn = (state: State) => state.tracks.get(track) ?? expect.fail('no track');

describe('a track', () => {
  const spec = {
    architecture: 'test/1',
    hyperparameters: {},
    tensors: [
      { name: 'w', shape: [3, 4] },
      { name: 'b', shape: [2] },
    ],
  };
  const dns = 'dns' as TrackId;
  const about = { track: dns, spec, schemaDigest: digestOf(Buffer.from('schema')), policy, reason: 'new' };
  const created: JournalEvent = { kind: 'trackCreated', ...about, modelDigest: weightsOf(0) };

  it('begins with its first model and nothing else', () => {
    const after = folded(empty, [created], { atMs: 12 });
    const model = {
      version: 0,
      digest: weightsOf(0),
      createdAtMs: 12,
      round: null,
      provenance: null,
      optimiserState: null,
    };
    const releasing = { releases: [], floor: 0, revoked: [], stableHistory: [], channels: {}, gates: {}, breakers: {} };
    expect(after.tracks.get(dns)).toEqual({
      ...{
        ...about,
        modelBytes: 56,
        declaredPolicy: null,
        samples: [],
        antibodies: [],
        standings: {},
        models: [model],
        headVersion: 0,
      },
      ...{ servedUntilMs: 12, rounds: new Map(), roundCount: 0, releasing },
    });
    expect(changedParts(empty, after)).toEqual(['tracks']);
    expect(after.tracks.get(track)).toEqual(trackIn(empty));
  });

  it('has the policy that was set last, and why', () => {
    const other = { ...policy, releasesKept: 3 };
    const after = folded(empty, [{ kind: 'policySet', track, policy: other, reason: 'disk' }]);
    expect(trackIn(after)).toEqual({ ...trackIn(empty), policy: other, reason: 'disk' });
  });

  it('has the policy that its file said at a start, until one says another', () => {
    const set = (releasesKept: number, actor: Actor) => (before: State) =>
      folded(before, [{ kind: 'policySet', track, policy: { ...policy, releasesKept }, reason }], { actor });
    const start = { kind: 'coordinator', part: 'start' } as const;
    const declared = set(3, start)(empty);
    expect(trackIn(declared).declaredPolicy).toEqual({ ...policy, releasesKept: 3 });
    for (const actor of [ada, { kind: 'coordinator', part: 'round' }] satisfies Actor[]) {
      const put = trackIn(set(4, actor)(declared));
      expect([put.policy.releasesKept, put.declaredPolicy]).toEqual([4, trackIn(declared).declaredPolicy]);
    }
  });

  it('has its head where it was moved to, and names the model', () => {
    const two = folded(empty, released(empty, 1));
    const back = folded(two, [{ kind: 'headMoved', track, version: 0, reason }]);
    expect(trackIn(back)).toEqual({ ...trackIn(two), headVersion: 0 });
    expect([headOf(trackIn(two)), headOf(trackIn(back))]).toEqual([
      { version: 1, digest: weightsOf(1) },
      { version: 0, digest: weightsOf(0) },
    ]);
    const lost = folded(two, [{ kind: 'headMoved', track, version: 4, reason }]);
    expect(() => headOf(trackIn(lost))).toThrow('track syscall: head 4 has no model');
  });

  it('has its samples in turn, each with its time', () => {
    const put = (version: number) => ({ version, digest: weightsOf(version), bytes: 4, classes: [], reason });
    const event = (version: number): JournalEvent => ({ kind: 'samplePut', track, ...put(version) });
    const two = folded(empty, [event(1), event(2)], { atMs: 14 });
    expect(trackIn(two).samples).toEqual([1, 2].map((version) => ({ ...put(version), putAtMs: 14 })));
    expect({ ...trackIn(two), samples: [] }).toEqual(trackIn(empty));
    expect(() => folded(two, [event(2)])).toThrow('fold: sample 2 of syscall out of turn');
    expect(() => folded(two, [event(4)])).toThrow('fold: sample 4 of syscall out of turn');
  });

  it('has its antibodies in the order in which they came, the revoked ones too', () => {
    const put = (index: number) => ({
      ...{ digest: weightsOf(index), bytes: 9, family: 'miner', cluster: 'a' as ClusterId, examples: 3 },
      ...{ expiresAtMs: 900, reason },
    });
    const event = (index: number): JournalEvent => ({ kind: 'antibodyPut', track, ...put(index) });
    const three = folded(empty, [event(1), event(2), event(3)], { atMs: 15 });
    const known = [1, 2, 3].map((index) => ({ ...put(index), putAtMs: 15, revoked: null }));
    expect(trackIn(three)).toEqual({ ...trackIn(empty), antibodies: known });
    const after = folded(three, [{ kind: 'antibodyRevoked', track, digest: weightsOf(2), reason: 'hurts' }]);
    expect(trackIn(after).antibodies).toEqual([known[0], { ...known[1], revoked: 'hurts' }, known[2]]);
  });
});

describe('the federation and its freezes', () => {
  it('has the name that its last start gave', () => {
    const started: JournalEvent = { kind: 'coordinatorStarted', federation: 'flock' as FederationId, build: 'b' };
    const after = folded(empty, [started]);
    expect(after.federation).toBe('flock');
    expect(changedParts(empty, after)).toEqual(['federation']);
  });

  it('what was replayed, and what came of it, is in the journal alone', () => {
    const about = { track, round: 'r-1' as RoundId };
    const digests = { candidate: weightsOf(1), provenance: weightsOf(2), optimiserState: null };
    const replayed: JournalEvent[] = [
      { kind: 'replayStarted', ...about, reason },
      { kind: 'roundReplayed', ...about, same: true, ...digests },
    ];
    expect(folded(empty, replayed)).toEqual({ ...empty, seq: empty.seq + 2 });
  });

  it('a freeze is known until it is lifted, and who set it', () => {
    const freeze = (freezeId: string) => ({ freezeId, tracks: 'all', fromMs: 1, untilMs: 9, reason }) as const;
    const set = (freezeId: string): JournalEvent => ({ kind: 'freezeSet', ...freeze(freezeId) });
    const two = folded(empty, [set('f-1'), set('f-2')], { actor: bob });
    expect(two.freezes.get('f-1')).toEqual({ ...freeze('f-1'), setBy: 'bob' });
    expect(changedParts(empty, two)).toEqual(['freezes']);
    const lifted = folded(two, [{ kind: 'freezeLifted', freezeId: 'f-1', reason }]);
    expect([...lifted.freezes.keys()]).toEqual(['f-2']);
  });

  it.each<[string, Actor]>([
    ['ada', ada],
    ['north', { kind: 'cluster', cluster: 'north' as ClusterId, door: 'edge' }],
    ['edge', { kind: 'door', name: 'edge' }],
    ['10.0.0.7', { kind: 'stranger', address: '10.0.0.7' }],
    ['coordinator', { kind: 'coordinator', part: 'round' }],
  ])('people read of %s', (name, actor) => {
    expect(nameOf(actor)).toBe(name);
  });
});

describe('an entry', () => {
  it('follows the one before it, and one that does not leaves the state as it was', () => {
    const event: JournalEvent = { kind: 'freezeLifted', freezeId: 'f-1', reason };
    const state = emptyState();
    for (const seq of [0, 2]) {
      const entry = { seq, epoch: 1, chain: '', atMs: 0, actor: ada, event };
      expect(() => foldEntry(state, entry)).toThrow(`fold: entry ${seq} does not follow 0`);
    }
    expect(state).toEqual(emptyState());
  });
});

/** An entry of nearly every kind, in an order in which they may come. */
const north = 'north' as ClusterId;
const first = 'r-1' as RoundId;
const signed = (version: number): SignedDocument => ({
  version,
  digest: weightsOf(version),
  bytes: 9,
  expiresAtMs: 99,
});
const certificate = { certificateSerial: '0c', certificateExpiresAtMs: 80 };
const payload = { payloadBytes: 4, exampleCount: 9, signature: 'c2ln' };
const scheduled = { dueAtMs: 1, rules: rulesOf(policy), policy, servesUntilMs: null, reason } as const;
const eligible = [...'abcde'] as ClusterId[];
const stepped = (event: object, effects: readonly string[] = []) =>
  ({ kind: 'roundStepped', track, round: first, event: { atMs: 2, ...event }, effects }) as JournalEvent;
const journal: readonly JournalEvent[] = [
  { kind: 'operatorAdded', name: 'ada', role: 'admin', ...certificate },
  { kind: 'doorAdded', name: 'edge', hosts: ['edge.example'], reason, ...certificate },
  ...enrolled('north'),
  { kind: 'tokenMinted', tokenId: 't-2', cluster: north, secretDigest: weightsOf(8), expiresAtMs: 9, labels: {} },
  { kind: 'tokenMinted', tokenId: 't-3', cluster: north, secretDigest: weightsOf(9), expiresAtMs: 9, labels: {} },
  { kind: 'roundScheduled', track, round: first, ...scheduled },
  stepped({ kind: 'opened', seed: 7, base: { version: 0, digest: weightsOf(0) } }),
  stepped({ kind: 'counted', eligible, enrolledCount: 5, roundKey: 'a2V5', olderBases: [] }, ['invite']),
  ...eligible.slice(0, 3).map((cluster) =>
    stepped({
      kind: 'updateArrived',
      update: { cluster, baseDigest: weightsOf(0), payloadDigest: digestOf(Buffer.from(cluster)), ...payload },
    }),
  ),
  { kind: 'effectsDone', track, round: first, effects: ['invite'] },
  stepped({ kind: 'cancelled', detail: 'stop' }, ['announce', 'destroyKey', 'dropPartials']),
  { kind: 'roundKeyDestroyed', track, round: first },
  { kind: 'roundScheduled', track, round: 'r-2' as RoundId, ...scheduled },
  ...released(empty, 0),
  ...released(empty, 1),
  { kind: 'channelMoved', track, channel: 'stable', version: 0, shadows: null, reason },
  { kind: 'channelMoved', track, channel: 'canary', version: 1, shadows: 'stable', reason },
  { kind: 'rootPublished', root: signed(1), reason },
  { kind: 'pinsProposed', pins: signed(1), signers: ['ada'], reason },
  { kind: 'releaseSetSigned', catalogue: signed(1), snapshot: signed(1), timestamp: signed(1), coversSeq: 2 },
  {
    ...{ kind: 'releaseAcknowledged', cluster: north, track, version: 1, manifestDigest: weightsOf(1) },
    ...{ outcome: 'shadowing', faultCode: '', pinsVersion: 0, reportedAtMs: 3, signature: '' },
  },
  { kind: 'gateOverrideAsked', track, version: 1, decision: 'promote', reason },
  { kind: 'gateDecided', track, version: 1, decision: 'hold', reasons: ['few'] },
  { kind: 'clusterRejoined', cluster: north, lastExpiredAtMs: 1, ...certificate },
  { kind: 'classesApproved', cluster: north, classes: ['web'] as ClassName[], reason },
  { kind: 'evidenceJournaled', cluster: north, signer: 'ab', record: 1, digest: weightsOf(1) },
  {
    ...{ kind: 'breakerReported', cluster: north, track, version: 1, open: true, reportedAtMs: 1 },
    ...{ flaggedPodCount: 1, podCount: 2, workloadCount: 1, withinMs: 60 },
  },
  { kind: 'freezeSet', freezeId: 'f-1', tracks: [track], fromMs: 1, untilMs: 9, reason },
  { kind: 'clusterEnrolled', cluster: north, tokenId: 't-2', signingKey: 'a2V5', labels: {}, ...certificate },
];

describe('a journal', () => {
  it('folded in pieces, with a snapshot written and read between any two, is what it is folded at once', async () => {
    const whole = await writeSnapshot(folded(empty, journal));
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(fc.integer({ min: 0, max: journal.length }), { maxLength: 6 }), async (cuts) => {
        let state: State = empty;
        let from = 0;
        for (const to of [...cuts.sort((a, b) => a - b), journal.length]) {
          state = readSnapshot(await writeSnapshot(folded(state, journal.slice(from, to))));
          from = to;
        }
        expect(await writeSnapshot(state)).toBe(whole);
      }),
      { numRuns: 12 },
    );
  });

  it('comes back from a snapshot part by part', async () => {
    const state = folded(empty, journal);
    const back = readSnapshot(await writeSnapshot(state));
    const { tracks, ...others } = state;
    const { tracks: tracksBack, ...othersBack } = back;
    expect(othersBack).toEqual(others);
    expect([...tracksBack.keys()]).toEqual([...tracks.keys()]);
    expect([...(tracksBack.get(track)?.rounds.keys() ?? [])]).toEqual([first, 'r-2']);
    expect(await writeSnapshot(back)).toBe(await writeSnapshot(state));
    const [one] = tracks.values();
    const two = {
      ...state,
      tracks: new Map([...tracks, ['dns' as TrackId, { ...one, track: 'dns' as TrackId }]]),
    } as State;
    const twoBack = readSnapshot(await writeSnapshot(two));
    expect([...twoBack.tracks.keys()]).toEqual([...two.tracks.keys()]);
    expect(await writeSnapshot(twoBack)).toBe(await writeSnapshot(two));
  });

  it('leaves every state that it went through as it was then', async () => {
    let state: State = empty;
    const then: [State, string][] = [];
    for (const event of journal) {
      then.push([state, await writeSnapshot(state)]);
      state = folded(state, [event]);
    }
    for (const [earlier, text] of then) expect(await writeSnapshot(earlier)).toBe(text);
  });
});

it('a snapshot of very many members is the JSON of all of them', async () => {
  const many = Array.from({ length: 1_100 }, (_, index) => enrolled(`c-${index}`)).flat();
  const state = eventsAfter(emptyState(), many);
  const back = readSnapshot(await writeSnapshot(state));
  expect(back).toEqual(state);
  expect(JSON.parse(await writeSnapshot(emptyState()))).toMatchObject({
    seq: 0,
    tracks: [],
    clusters: [],
    freezes: [],
  });
});
