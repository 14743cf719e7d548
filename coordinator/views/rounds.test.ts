import { describe, expect, it } from 'vitest';
import { canonicalBytes, type JsonValue } from '../../base/canonical-json.ts';
import { unwrap } from '../../base/fault.ts';
import type { ClusterId, Digest, RoundId } from '../../proto/ids.ts';
import { MemoryBlobStore } from '../blobs/memory-blob-store.ts';
import type { UpdateFate } from '../candidate/provenance.ts';
import type { Round, Track } from '../ledger/state/state.ts';
import type { RoundPhase } from '../round/phase.ts';
import { newState, track } from '../testing/released-state.ts';
import { participationView, readProvenance } from './participation.ts';
import { findRound, roundsOf, roundView } from './rounds.ts';

const known = [...newState().tracks.values()][0] as Track;
const cohort = ['a', 'b', 'c', 'd'] as ClusterId[];
const digest = (name: string) => `sha256:${name.repeat(64)}` as Digest;
const base = { version: 0, digest: digest('0') };
const accepted = ['a', 'b'].map((cluster) => ({
  cluster: cluster as ClusterId,
  payloadDigest: digest(cluster),
  payloadBytes: 9,
  baseDigest: base.digest,
  staleness: 0,
  exampleCount: 7,
  signature: '',
  acceptedAtMs: 1_500,
}));
const opened = { openedAtMs: 1_000, base, cohort, seed: 1, roundKey: '' };
const collecting: RoundPhase = {
  ...opened,
  kind: 'collecting',
  closesAtMs: 2_000,
  olderBases: [],
  goalUpdates: 4,
  quorumUpdates: 3,
  accepted,
  expelled: [],
};
const candidate: RoundPhase = {
  kind: 'candidate',
  openedAtMs: 1_000,
  closedAtMs: 2_100,
  endedAtMs: 2_200,
  base,
  cohort,
  accepted,
  expelled: [],
  stragglers: cohort.slice(2),
  candidate: { version: 0, digest: known.models[0]?.digest as Digest },
  provenance: digest('e'),
  optimiserState: null,
};

function round(phase: RoundPhase, more: Partial<Round> = {}): Round {
  return {
    track,
    round: 'r-4' as RoundId,
    rules: {} as Round['rules'],
    policy: known.policy,
    reason: 'test',
    scheduledAtMs: 900,
    phase,
    pending: [],
    sequences: [],
    refusedCount: 5,
    refusals: [],
    keyDestroyedAtMs: null,
    inputKeys: null,
    ...more,
  };
}

function fate(cluster: string, verdict: UpdateFate['verdict'], score: number | null): UpdateFate {
  return {
    cluster,
    payloadDigest: digest(cluster),
    baseDigest: base.digest,
    staleness: 0,
    scale: 1,
    verdict,
    code: 'FAR',
    reason: 'farther than the others',
    norm: 2,
    share: null,
    score,
    neighbours: [],
    cosine: 0.5,
    distance: null,
    tensors: [{ name: 'w', part: 1 }],
  };
}

describe('roundView', () => {
  it('says of no ended round that it was opened or closed later than it ended, as a clock says that is set right meanwhile', () => {
    const { openedAtMs, closesAtMs, endedAtMs } = roundView(
      known,
      round({ ...candidate, openedAtMs: 9e6, closedAtMs: 9e6 }),
    );
    expect([openedAtMs, closesAtMs, endedAtMs]).toEqual([2_200, 2_200, 2_200]);
  });

  it('says of each phase the times that it knows, and null for the others', () => {
    const timesOf = (phase: RoundPhase) => {
      const { openedAtMs, closesAtMs, endedAtMs } = roundView(known, round(phase));
      return [openedAtMs, closesAtMs, endedAtMs];
    };
    const abandoned = { reason: 'QUORUM_MISSED', detail: '', cohort, accepted } as const;
    expect(timesOf({ kind: 'scheduled', dueAtMs: 950 })).toEqual([null, null, null]);
    expect(timesOf({ kind: 'recruiting', recruitsUntilMs: 1_200, seed: 1, base, openedAtMs: 1_000 })).toEqual([
      1_000,
      null,
      null,
    ]);
    expect(timesOf(collecting)).toEqual([1_000, 2_000, null]);
    expect(
      timesOf({
        ...opened,
        kind: 'aggregating',
        closedAtMs: 2_100,
        abandonsAtMs: 9_000,
        quorumUpdates: 3,
        accepted,
        expelled: [],
        stragglers: [],
      }),
    ).toEqual([1_000, 2_100, null]);
    expect(timesOf(candidate)).toEqual([1_000, 2_100, 2_200]);
    expect(timesOf({ kind: 'abandoned', endedAtMs: 2_300, ...abandoned })).toEqual([null, null, 2_300]);
  });

  it('counts the cohort and what it sent, and names the candidate and why there is none', () => {
    expect(roundView(known, round(collecting))).toMatchObject({
      phase: 'collecting',
      cohortCount: 4,
      acceptedCount: 2,
      refusedCount: 5,
      candidate: undefined,
      abandonedBecause: null,
    });
    expect(roundView(known, round(candidate)).candidate).toMatchObject({ track, version: 0, sizeBytes: 4 });
    const abandoned: RoundPhase = {
      kind: 'abandoned',
      endedAtMs: 1,
      reason: 'CANCELLED',
      detail: '',
      cohort,
      accepted,
    };
    expect(roundView(known, round(abandoned)).abandonedBecause).toBe('CANCELLED');
  });

  it('says until when a round can be computed again only while its keys are kept', () => {
    const untilOf = (inputKeys: Round['inputKeys']) =>
      roundView(known, round(candidate, { inputKeys })).replayableUntilMs;
    expect(untilOf(null)).toBeNull();
    expect(untilOf({ untilMs: 7_000, updateCount: 2, destroyedAtMs: null })).toBe(7_000);
    expect(untilOf({ untilMs: 7_000, updateCount: 2, destroyedAtMs: 6_000 })).toBeNull();
  });
});

describe('the rounds of a track', () => {
  it('come newest first, and one that is gone is named', () => {
    const rounds = new Map(
      ['r-1', 'r-2'].map((id) => [id as RoundId, round(collecting, { round: id as RoundId })] as const),
    );
    const two = { ...known, rounds };
    expect(roundsOf(two).map((one) => one.round)).toEqual(['r-2', 'r-1']);
    expect(findRound(two, 'r-1' as RoundId)).toMatchObject({ ok: true, value: { round: 'r-1' } });
    expect(findRound(two, 'r-9' as RoundId)).toMatchObject({ fault: { code: 'ROUND_NOT_FOUND' } });
  });
});

describe('participationView', () => {
  const refusal = { atMs: 1, code: 'UPDATE_TOO_STALE', cause: 'old', payloadDigest: null };
  const refusals = [
    { ...refusal, cluster: 'c' },
    { ...refusal, cluster: 'stranger' },
    { ...refusal, cluster: null },
  ];
  const fatesOf = (...parts: Parameters<typeof participationView>) =>
    [...participationView(...parts)].map((row) => [row.cluster, row.fate]);

  it('says before the end what came, what was refused and what is awaited; nameless strangers are no row', () => {
    expect(fatesOf(round(collecting, { refusals }), new Map())).toEqual([
      ['a', 'accepted'],
      ['b', 'accepted'],
      ['c', 'refused'],
      ['d', 'awaited'],
      ['stranger', 'refused'],
    ]);
  });

  it('puts first what the rule looked at, worst score first, and calls who never sent a straggler', () => {
    const fates = new Map([
      ['a', fate('a', 'selected', 1)],
      ['b', fate('b', 'leftOut', 8)],
    ]);
    expect(fatesOf(round(candidate, { refusals: [] }), fates)).toEqual([
      ['b', 'leftOut'],
      ['a', 'selected'],
      ['c', 'straggler'],
      ['d', 'straggler'],
    ]);
  });

  it('gives the rule’s numbers, a code only to what was not selected, and null where nothing was measured', () => {
    const fates = new Map([
      ['a', fate('a', 'selected', 1)],
      ['b', fate('b', 'leftOut', null)],
    ]);
    const [a, b, c] = participationView(round(candidate), fates);
    expect(a).toMatchObject({ cluster: 'a', code: '', score: 1, norm: 2, cosine: 0.5, payloadDigest: digest('a') });
    expect(b).toMatchObject({ cluster: 'b', code: 'FAR', score: null });
    expect(c).toMatchObject({ cluster: 'c', score: null, norm: null, cosine: null, payloadDigest: null, tensors: [] });
  });
});

describe('readProvenance', () => {
  it('finds each update’s fate by its cluster, and nothing before a candidate or where the blob is gone', async () => {
    const blobs = new MemoryBlobStore();
    const json = canonicalBytes({ updates: [fate('a', 'selected', 1)] } as unknown as JsonValue);
    const provenance = unwrap(await blobs.put(json));
    const read = await readProvenance(blobs, round({ ...candidate, provenance }));
    expect(read.json).toBe(Buffer.from(json).toString());
    expect(read.fates.get('a')).toMatchObject({ verdict: 'selected', score: 1 });
    for (const phase of [collecting, candidate]) {
      expect(await readProvenance(blobs, round(phase))).toEqual({
        json: '',
        fates: new Map(),
        nAdmitted: 0,
        ran: null,
        map: null,
        classes: [],
      });
    }
  });
});
