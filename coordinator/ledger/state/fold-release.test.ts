import { describe, expect, it } from 'vitest';
import { digestOf } from '../../../proto/digest.ts';
import type { ClusterId, TrackId } from '../../../proto/ids.ts';
import { changedParts, folded } from '../../testing/folding.ts';
import { ada, bob, newState, released, track, weightsOf } from '../../testing/released-state.ts';
import type { InstallOutcome, JournalEvent, ShadowReport, SignedDocument } from '../journal/events.ts';
import { reportOf } from './fold-release.ts';
import { agentKey, releaseOf } from './releasing.ts';
import type { State } from './state.ts';

const north = 'north' as ClusterId;
const reason = 'test';
const empty = newState();
const withFirst = folded(empty, released(empty, 0));
/** Versions 0 to 3 are released, each made from the one before. */
const four = [1, 2, 3].reduce((state, version) => folded(state, released(state, version)), withFirst);

const trackIn = (state: State) => state.tracks.get(track) ?? expect.fail('no track');
const releasingIn = (state: State) => trackIn(state).releasing;
const moved = (channel: string, version: number, shadows: string | null = null): JournalEvent => {
  return { kind: 'channelMoved', track, channel, version, shadows, reason };
};
const signed = (version: number): SignedDocument => {
  return { version, digest: digestOf(Buffer.from(`document ${version}`)), bytes: 90, expiresAtMs: 1_000 };
};
function imported(version: number, base: number | null, names: readonly string[]): JournalEvent {
  const [event] = released(empty, version, base ?? 0);
  if (event?.kind !== 'releaseImported') throw new Error('expected an import');
  const files = names.map((name) => ({ name, digest: digestOf(Buffer.from(name)), bytes: 4 }));
  const made = { createdAtMs: 77, base: base === null ? null : { version: base, digest: weightsOf(base) } };
  return { ...event, manifest: { ...event.manifest, ...made, files } };
}

describe('a release', () => {
  it('that is published belongs to a model that there is, and moves nothing else', () => {
    const [event] = released(empty, 0);
    if (event?.kind !== 'releasePublished') throw new Error('expected a publication');
    const { manifest, manifestDigest, manifestBytes } = event;
    const release = { track, version: 0, manifest, manifestDigest, manifestBytes, publishedSeq: empty.seq + 1 };
    expect(releasingIn(withFirst)).toEqual({ ...releasingIn(empty), releases: [{ ...release, retired: false }] });
    expect({ ...trackIn(withFirst), releasing: null }).toEqual({ ...trackIn(empty), releasing: null });
    expect(() => folded(withFirst, [event])).toThrow('fold: syscall 0 is released twice');
    const [again] = released(empty, 1);
    const second = folded(withFirst, [again as JournalEvent]);
    const twice: JournalEvent = { ...event, manifest: { ...manifest, version: 1 } };
    expect(() => folded(second, [twice])).toThrow('fold: syscall 1 is released twice');
    expect(() => folded(second, [event])).toThrow('fold: syscall 0 is released twice');
  });

  it('that is imported brings its model, from which the next round starts where it would have started from its base', () => {
    const after = folded(withFirst, [imported(1, 0, ['provenance.json', 'weights.bin'])], { atMs: 90 });
    const digests = {
      digest: digestOf(Buffer.from('weights.bin')),
      provenance: digestOf(Buffer.from('provenance.json')),
    };
    const model = { version: 1, ...digests, createdAtMs: 77, round: null, optimiserState: null };
    expect(trackIn(after).models).toEqual([...trackIn(withFirst).models, model]);
    expect(trackIn(after).headVersion).toBe(1);
    expect(releasingIn(after).releases.map(({ version }) => version)).toEqual([0, 1]);
    const back = folded(after, [{ kind: 'headMoved', track, version: 0, reason }]);
    expect(trackIn(folded(back, [imported(2, 1, ['weights.bin'])])).headVersion).toBe(0);
    expect(trackIn(folded(back, [imported(2, 0, ['weights.bin'])])).headVersion).toBe(2);
    const alone = trackIn(folded(back, [imported(2, null, ['weights.bin'])]));
    expect([alone.headVersion, alone.models[2]?.provenance]).toEqual([0, null]);
  });

  it('that is imported out of turn, or without weights, does not fit', () => {
    const out = 'fold: version 2 of syscall out of turn';
    expect(() => folded(withFirst, [imported(2, 0, ['weights.bin'])])).toThrow(out);
    const bare = 'fold: the imported release 1 has no weights';
    expect(() => folded(withFirst, [imported(1, 0, ['provenance.json'])])).toThrow(bare);
  });

  it('is retired and restored alone', () => {
    const retiredOf = (state: State) => releasingIn(state).releases.map(({ retired }) => retired);
    const retired = folded(four, [{ kind: 'releaseRetired', track, version: 1 }]);
    expect(retiredOf(retired)).toEqual([false, true, false, false]);
    const more = folded(retired, [{ kind: 'releaseRetired', track, version: 2 }]);
    const restored = folded(more, [{ kind: 'releaseRestored', track, version: 1 }]);
    expect(retiredOf(restored)).toEqual([false, false, true, false]);
    expect(releasingIn(restored).releases[1]).toEqual(releasingIn(four).releases[1]);
  });

  it('is found by its version, also where releases do not begin at 0', () => {
    const releasing = releasingIn(four);
    expect([0, 3].map((version) => releaseOf(releasing, version)?.version)).toEqual([0, 3]);
    expect(releaseOf(releasing, 4)).toBeUndefined();
    const later = { ...releasing, releases: releasing.releases.slice(2) };
    expect([0, 2, 3].map((version) => releaseOf(later, version)?.version)).toEqual([undefined, 2, 3]);
  });

  it('is revoked once, and revoked versions are told ascending', () => {
    const revoke = (version: number): JournalEvent => ({ kind: 'releaseRevoked', track, version, reason });
    expect(releasingIn(folded(four, [3, 10, 1, 3, 2].map(revoke))).revoked).toEqual([1, 2, 3, 10]);
  });

  it('lies above a floor that never falls', () => {
    const raised = folded(four, [{ kind: 'floorRaised', track, floor: 2 }]);
    expect(releasingIn(raised)).toEqual({ ...releasingIn(four), floor: 2 });
    expect(folded(raised, [{ kind: 'floorRaised', track, floor: 2 }]).tracks).toEqual(raised.tracks);
    expect(() => folded(raised, [{ kind: 'floorRaised', track, floor: 1 }])).toThrow(
      'fold: the floor of syscall falls',
    );
  });
});

describe('a channel', () => {
  it('points where it was moved last, and what was stable is remembered in the order of time', () => {
    const after = folded(four, [moved('stable', 1), moved('canary', 3, 'stable'), moved('stable', 0)], { atMs: 40 });
    const { channels, stableHistory } = releasingIn(after);
    expect(channels).toEqual({
      canary: { version: 3, shadows: 'stable', movedSeq: four.seq + 2, movedAtMs: 40 },
      stable: { version: 0, shadows: null, movedSeq: four.seq + 3, movedAtMs: 40 },
    });
    expect(stableHistory).toEqual([1, 0]);
  });

  it('that is the canary puts a version in front of the gate, once', () => {
    const once = folded(four, [moved('canary', 2, 'stable'), moved('lab', 3)], { atMs: 40 });
    const gate = { version: 2, openedAtMs: 40, reports: {}, decision: null, approvals: [] };
    expect(releasingIn(once).gates).toEqual({ 2: gate });
    const twice = folded(once, [moved('canary', 3, 'stable'), moved('canary', 2, 'stable')], { atMs: 50 });
    expect(releasingIn(twice).gates).toEqual({ 2: gate, 3: { ...gate, version: 3, openedAtMs: 50 } });
  });

  it('that was removed is gone, and the others stay', () => {
    const two = folded(four, [moved('stable', 1), moved('lab', 3)]);
    const after = folded(two, [{ kind: 'channelRemoved', track, channel: 'lab', reason }]);
    expect(releasingIn(after)).toEqual({
      ...releasingIn(two),
      channels: { stable: { version: 1, shadows: null, movedSeq: four.seq + 1, movedAtMs: 0 } },
    });
  });
});

describe('the gate', () => {
  const report: Omit<ShadowReport, 'sequence'> = {
    ...{ cluster: north, liveVersion: 1, durationMs: 9, scoredCount: 10, agreedCount: 9, shadowAlertCount: 1 },
    ...{ liveAlertCount: 1, recalls: [], falsePositiveCaseCount: 0, shadowFalsePositiveCount: 0 },
    ...{ liveFalsePositiveCount: 0, shadowLatencyUs: 5, liveLatencyUs: 5, reportedAtMs: 60 },
  };
  const reported = (more: Partial<typeof report>): JournalEvent => {
    return { kind: 'shadowReported', track, version: 2, report: { ...report, ...more }, signature: '' };
  };
  const open = folded(four, [moved('canary', 2, 'stable'), moved('canary', 3, 'stable')]);
  const gateIn = (state: State) => releasingIn(state).gates[2];

  it('has the newest report of each cluster', () => {
    const south = 'south' as ClusterId;
    const after = folded(open, [reported({}), reported({ cluster: south }), reported({ agreedCount: 4 })]);
    expect(gateIn(after)).toEqual({
      ...gateIn(open),
      reports: {
        north: { ...report, agreedCount: 4, sequence: open.seq + 3 },
        south: { ...report, cluster: south, sequence: open.seq + 2 },
      },
    });
    expect(releasingIn(after).gates[3]).toEqual(releasingIn(open).gates[3]);
  });

  it('gathers what operators wish against it, until it is decided', () => {
    const asked = { kind: 'gateOverrideAsked', track, version: 2, decision: 'promote' } as const;
    const first = folded(open, [{ ...asked, reason: 'seen it' }], { atMs: 61 });
    const both = folded(first, [{ ...asked, reason: 'so have I' }], { atMs: 62, actor: bob });
    expect(gateIn(both)?.approvals).toEqual([
      { decision: 'promote', by: 'ada', reason: 'seen it', atMs: 61 },
      { decision: 'promote', by: 'bob', reason: 'so have I', atMs: 62 },
    ]);
    const decided: JournalEvent = { kind: 'gateDecided', track, version: 2, decision: 'promote', reasons: ['few'] };
    const decision = { decision: 'promote', reasons: ['few'], atMs: 63 };
    const after = folded(both, [decided], { atMs: 63, actor: bob });
    expect(gateIn(after)).toEqual({ ...gateIn(open), decision: { ...decision, by: 'bob' }, approvals: [] });
    const actor = { kind: 'coordinator', part: 'registry' } as const;
    const itself = folded(both, [decided], { atMs: 63, actor });
    expect(gateIn(itself)?.decision).toEqual({ ...decision, by: 'coordinator' });
  });

  it('knows only versions that a canary ran', () => {
    const message = 'fold: syscall 2 never was in front of the gate';
    expect(() => folded(four, [reported({})])).toThrow(message);
  });
});

describe('what an agent says', () => {
  const said = (outcome: InstallOutcome, version: number, faultCode = ''): JournalEvent => {
    const about = { cluster: north, track, version, manifestDigest: weightsOf(version), outcome, faultCode };
    return { kind: 'releaseAcknowledged', ...about, pinsVersion: 4, reportedAtMs: 70, signature: '' };
  };
  const agentAfter = (events: readonly JournalEvent[]) => folded(four, events).agents.get(agentKey(north, track));

  it('is kept whole, under its cluster and its track', () => {
    const after = folded(four, [said('installed', 1)]);
    expect(changedParts(four, after)).toEqual(['agents']);
    expect(after.agents.get('north/syscall')).toEqual({
      ...{ cluster: north, track, liveVersion: 1, shadowVersion: null, refused: null, pinsVersion: 4 },
      ...{ reportedAtMs: 70, sequence: four.seq + 1, lastReport: `1 ${weightsOf(1)} installed  4` },
    });
  });

  it.each<[string, readonly JournalEvent[], object]>([
    ['kept', [said('kept', 1)], { liveVersion: 1, shadowVersion: null, refused: null }],
    ['shadowing at first', [said('shadowing', 2)], { liveVersion: null, shadowVersion: 2, refused: null }],
    ['shadowing beside', [said('installed', 1), said('shadowing', 2)], { liveVersion: 1, shadowVersion: 2 }],
    ['the shadow goes live', [said('shadowing', 2), said('installed', 2)], { liveVersion: 2, shadowVersion: null }],
    ['another goes live', [said('shadowing', 2), said('installed', 1)], { liveVersion: 1, shadowVersion: 2 }],
    [
      'refused at first',
      [said('refused', 1, 'DIGEST_WRONG')],
      { liveVersion: null, shadowVersion: null, refused: { version: 1, faultCode: 'DIGEST_WRONG' } },
    ],
    [
      'refused beside',
      [said('installed', 1), said('shadowing', 2), said('refused', 3, 'X')],
      { liveVersion: 1, shadowVersion: 2, refused: { version: 3, faultCode: 'X' } },
    ],
    [
      'refused, then in shadow',
      [said('refused', 3, 'X'), said('shadowing', 2)],
      { shadowVersion: 2, refused: { version: 3, faultCode: 'X' } },
    ],
    ['refused, then installed', [said('refused', 3, 'X'), said('installed', 3)], { liveVersion: 3, refused: null }],
    ['refused, then kept', [said('refused', 3, 'X'), said('kept', 1)], { liveVersion: 1, refused: null }],
  ])('%s', (_, events, agent) => {
    expect(agentAfter(events)).toMatchObject(agent);
  });

  it('is the same report again only if all of it is the same', () => {
    const report = { version: 1, manifestDigest: 'd', outcome: 'kept', faultCode: 'F', pinsVersion: 2 };
    const others = [
      { version: 2 },
      { manifestDigest: 'e' },
      { outcome: 'refused' },
      { faultCode: 'G' },
      { pinsVersion: 3 },
    ];
    const texts = [report, ...others.map((other) => ({ ...report, ...other }))].map(reportOf);
    expect(new Set(texts).size).toBe(6);
    expect(reportOf({ ...report })).toBe(texts[0]);
  });
});

describe('signed metadata', () => {
  const root = (version: number): JournalEvent => ({ kind: 'rootPublished', root: signed(version), reason });
  const pins = (kind: 'pinsProposed' | 'pinsPublished', version: number): JournalEvent => {
    return { kind, pins: signed(version), signers: ['ada'], reason };
  };
  const set = (catalogue: number, timestamp: number): JournalEvent => {
    const documents = { catalogue: signed(catalogue), snapshot: signed(timestamp), timestamp: signed(timestamp) };
    return { kind: 'releaseSetSigned', ...documents, coversSeq: 2 };
  };

  it('has its roots in turn', () => {
    const two = folded(four, [root(1), root(2)]);
    expect(two.metadata).toEqual({ ...four.metadata, roots: [signed(1), signed(2)], changedSeq: four.seq + 2 });
    expect(() => folded(two, [root(2)])).toThrow('fold: root 2 out of turn');
    expect(() => folded(two, [root(4)])).toThrow('fold: root 4 out of turn');
  });

  it('has pins that were proposed until newer ones are published', () => {
    const proposed = folded(four, [pins('pinsProposed', 3)]);
    expect(proposed.metadata).toEqual({ ...four.metadata, pendingPins: { ...signed(3), signers: ['ada'] } });
    const published = folded(proposed, [pins('pinsPublished', 3)]);
    expect(published.metadata).toEqual({
      ...{ ...four.metadata, pins: { ...signed(3), signers: ['ada'] }, pendingPins: null },
      changedSeq: proposed.seq + 1,
    });
    expect(() => folded(published, [pins('pinsPublished', 3)])).toThrow('fold: pins 3 out of turn');
    expect(() => folded(four, [pins('pinsPublished', 0)])).toThrow('fold: pins 0 out of turn');
  });

  it('has the set that was signed last, whose versions never go back', () => {
    const first = folded(four, [set(5, 8)]);
    const documents = { catalogue: signed(5), snapshot: signed(8), timestamp: signed(8) };
    expect(first.metadata).toEqual({ ...four.metadata, set: { ...documents, coversSeq: 2 } });
    expect(folded(first, [set(5, 9)]).metadata.set?.timestamp).toEqual(signed(9));
    for (const back of [set(5, 8), set(4, 9), set(6, 7)]) {
      expect(() => folded(first, [back])).toThrow('fold: a signed set goes back in versions');
    }
    expect(() => folded(four, [set(1, 0)])).toThrow('fold: a signed set goes back in versions');
  });

  it('has the assignments as a whole', () => {
    const assignments = [{ track, channel: 'canary', subject: { cluster: north } }] as never;
    const after = folded(four, [{ kind: 'assignmentsSet', assignments, reason }]);
    expect(after.metadata).toEqual({ ...four.metadata, assignments, changedSeq: four.seq + 1 });
    expect(folded(after, [{ kind: 'assignmentsSet', assignments: [], reason }]).metadata.assignments).toEqual([]);
  });

  it('is due to be signed anew after what it tells of, and after nothing else', () => {
    const base = folded(four, [moved('canary', 2, 'stable'), moved('lab', 1)]);
    const isDueAfter = (event: JournalEvent) => folded(base, [event]).metadata.changedSeq === base.seq + 1;
    const due: readonly JournalEvent[] = [
      ...released(base, 4),
      { kind: 'releaseRetired', track, version: 1 },
      { kind: 'releaseRestored', track, version: 1 },
      moved('stable', 1),
      { kind: 'channelRemoved', track, channel: 'lab', reason },
      { kind: 'floorRaised', track, floor: 1 },
      { kind: 'releaseRevoked', track, version: 1, reason },
      { kind: 'assignmentsSet', assignments: [], reason },
      root(1),
      pins('pinsPublished', 1),
    ];
    for (const event of due) expect(isDueAfter(event), event.kind).toBe(true);
    expect(withFirst.metadata.changedSeq).toBe(withFirst.seq); // A publication.
    const others: readonly JournalEvent[] = [
      pins('pinsProposed', 1),
      set(1, 1),
      { kind: 'gateDecided', track, version: 2, decision: 'hold', reasons: [] },
      { kind: 'gateOverrideAsked', track, version: 2, decision: 'reject', reason },
      { kind: 'headMoved', track, version: 1, reason },
    ];
    for (const event of others) expect(isDueAfter(event), event.kind).toBe(false);
  });

  it('of a track that there is not does not fit', () => {
    const dns = 'dns' as TrackId;
    const events: readonly JournalEvent[] = [
      { kind: 'floorRaised', track: dns, floor: 1 },
      { kind: 'channelRemoved', track: dns, channel: 'lab', reason },
      { kind: 'releaseRetired', track: dns, version: 1 },
      { kind: 'gateDecided', track: dns, version: 1, decision: 'hold', reasons: [] },
    ];
    for (const event of events)
      expect(() => folded(four, [event], { actor: ada })).toThrow('fold: there is no track dns');
  });
});
