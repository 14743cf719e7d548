import { describe, expect, it } from 'vitest';
import { unwrap } from '../../base/fault.ts';
import type { Digest, TrackId } from '../../proto/ids.ts';
import { schemaDigest } from '../../proto/model-spec.ts';
import { MemoryBlobStore } from '../blobs/memory-blob-store.ts';
import type { TrackPolicy } from '../round/policy.ts';
import { memoryLedger } from '../testing/memory-ledger.ts';
import { bob, enrolled, track, trackCreated, weightsOf } from '../testing/released-state.ts';
import { policy } from '../testing/small-federation.ts';
import type { JournalEvent } from './journal/events.ts';
import { createTrack, type NewTrack, setPolicy } from './track-changes.ts';

const spec = { architecture: 'test/1', hyperparameters: {}, tensors: [{ name: 'w', shape: [2, 3] }] };
/** Rows by class, of counts: legal only under policies that leave their shape alone. */
const counting = {
  ...{ architecture: 'test/1', hyperparameters: { blocksByClass: true, tableNorm: 2 } },
  tensors: [{ name: 'w/web', shape: [6] }],
};
const mean: TrackPolicy = { ...policy, aggregation: { ...policy.aggregation, f: 0, rule: { kind: 'mean' } } };
const nightly: TrackPolicy = { ...policy, schedule: { cron: '30 2 * * *', timeZone: 'UTC', blackouts: [] } };
const dns = 'dns' as TrackId;

async function opened(events: readonly JournalEvent[] = []) {
  const ledger = await memoryLedger([trackCreated, ...events]);
  const blobs = new MemoryBlobStore();
  const modelDigest = unwrap(await blobs.put(new Uint8Array(24)));
  const store = { blobs, commit: ledger.commit.bind(ledger) };
  const create = (more: Partial<NewTrack> = {}) =>
    createTrack(store, bob, { track: dns, spec, policy, modelDigest, reason: 'new', ...more });
  const set = (wanted: TrackPolicy, id = track) =>
    setPolicy(ledger, bob, { track: id, policy: wanted, reason: 'tuned' });
  return { ledger, blobs, modelDigest, create, set };
}

describe('a new track', () => {
  it('has its first model, its spec and its policy', async () => {
    const { ledger, create, modelDigest } = await opened();
    const { value, entries } = unwrap(await create({ policy: nightly }));
    expect(value).toEqual({ version: 0, digest: modelDigest });
    const made = { track: dns, spec, policy: nightly, modelDigest, reason: 'new', schemaDigest: schemaDigest(spec) };
    expect(entries.map(({ event }) => event)).toEqual([{ kind: 'trackCreated', ...made }]);
    expect(ledger.state.tracks.get(dns)).toMatchObject({ policy: nightly, headVersion: 0, modelBytes: 24 });
  });

  it.each<[string, Partial<NewTrack>, string, string]>([
    ['has a name that is taken', { track }, 'TRACK_EXISTS', 'track syscall exists; set its policy instead'],
    ['has no sound spec', { spec: { ...spec, tensors: [] } }, 'SPEC_INVALID', 'tensors'],
    [
      'is not stored',
      { modelDigest: weightsOf(9) },
      'MODEL_NOT_FOUND',
      `${weightsOf(9)} is not stored; upload it first`,
    ],
    [
      'is of another size than its spec',
      { spec: { ...spec, tensors: [{ name: 'w', shape: [7] }] } },
      ...(['LENGTH_MISMATCH', 'the initial model has 24 bytes; its spec needs exactly 28'] as const),
    ],
    [
      'has a policy that no round can meet',
      { policy: { ...policy, rounds: { ...policy.rounds, overSelection: 0 } } },
      ...(['POLICY_INVALID', 'over'] as const),
    ],
  ])('that %s is refused', async (_, more, code, message) => {
    const { ledger, create } = await opened();
    const answer = await create(more);
    expect(answer).toMatchObject({ ok: false, fault: { code, message: expect.stringContaining(message) } });
    expect([...ledger.state.tracks.keys()]).toEqual([track]);
  });
});

describe('a policy', () => {
  it('is in force once it is set, and answers the model that the next round starts from', async () => {
    const { ledger, set } = await opened();
    const { value, entries } = unwrap(await set(nightly));
    expect(value).toEqual({ version: 0, digest: weightsOf(0) });
    expect(entries.map(({ event }) => event)).toEqual([{ kind: 'policySet', track, policy: nightly, reason: 'tuned' }]);
    expect(ledger.state.tracks.get(track)).toMatchObject({ policy: nightly, reason: 'tuned' });
  });

  it('of a track that there is not is refused', async () => {
    const { set } = await opened();
    const message = 'there is no track dns; create it first';
    expect(await set(policy, dns)).toMatchObject({ fault: { code: 'TRACK_NOT_FOUND', message } });
  });

  it('tells all of its problems together', async () => {
    const { ledger, set } = await opened();
    const wrong = {
      ...{ ...policy, rounds: { ...policy.rounds, overSelection: 0 } },
      schedule: { cron: 'never', timeZone: 'UTC', blackouts: [] },
    };
    const answer = await set(wrong);
    expect(answer).toMatchObject({
      fault: { code: 'POLICY_INVALID', message: expect.stringMatching(/over[^;]*\w; \w.*cron "never"/i) },
    });
    expect(ledger.state.tracks.get(track)?.policy).toEqual(policy);
  });

  it('that averages is refused where a member is a region, and only there', async () => {
    const message = expect.stringContaining('never average over regions');
    const region = await opened(enrolled('eu', { relay: 'yes' }));
    expect(await region.set(mean)).toMatchObject({ fault: { code: 'POLICY_INVALID', message } });
    expect(await region.create({ policy: mean })).toMatchObject({ fault: { code: 'POLICY_INVALID', message } });
    expect(await region.set(policy)).toMatchObject({ ok: true }); // Krum over regions is warned of elsewhere.
    const clusters = await opened(enrolled('eu'));
    expect(await clusters.set(mean)).toMatchObject({ ok: true });
    expect(await clusters.create({ policy: mean })).toMatchObject({ ok: true });
  });

  it('that would change the shape of counts is refused for a spec that counts, and names each setting', async () => {
    const { create, blobs } = await opened();
    const modelDigest: Digest = unwrap(await blobs.put(new Uint8Array(24)));
    const of = async (more: Partial<TrackPolicy>, on: NewTrack['spec'] = counting) => {
      const answer = await create({
        track: 'counts' as TrackId,
        spec: on,
        modelDigest,
        policy: { ...policy, ...more },
      });
      return answer.ok ? 'made' : answer.fault.message;
    };
    const clipped = { ...policy.training, clipNorm: 1 };
    const carrying = { ...policy.rounds, carryOver: { stalenessMax: 1, exponent: 0.5 } };
    const would = 'would change the shape that tables of this spec are admitted by';
    expect(await of({ training: clipped })).toContain(`training.clipNorm ${would}`);
    expect(await of({ training: { ...policy.training, noiseMultiplier: 1 } })).toContain('training.noiseMultiplier');
    expect(await of({ rounds: carrying })).toContain(`rounds.carryOver ${would}`);
    expect(await of({ history: { floor: 0.5 } })).toContain(`history ${would}`);
    const both = await of({ training: clipped, history: { floor: 0.5 } });
    expect(both).toContain(`training.clipNorm and history ${would}`);
    expect(await of({ training: clipped, history: { floor: 0.5 } }, spec)).toBe('made');
  });

  it('that leaves the shape of counts alone is legal for them', async () => {
    const { create } = await opened();
    expect(await create({ spec: counting })).toMatchObject({ ok: true });
  });
});
