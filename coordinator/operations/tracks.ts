import { ok, type Result, refuse } from '../../base/fault.ts';
import { isTrackId, type RoundId, type TrackId } from '../../proto/ids.ts';
import { layoutOf } from '../../proto/layout.ts';
import { type ModelSpec, type SpecFaultCode, schemaDigest, specOfBytes } from '../../proto/model-spec.ts';
import type { BlobFaultCode } from '../blobs/blob-store.ts';
import { parseTrackPolicy } from '../config/policy.ts';
import { knowledgeBySample } from '../config/track-knowledge.ts';
import type { Actor } from '../ledger/journal/events.ts';
import { moveHead as move } from '../ledger/move-head.ts';
import { headOf, type State, type Track } from '../ledger/state/state.ts';
import type { Store } from '../ledger/store.ts';
import { createTrack, setPolicy, type TrackFaultCode } from '../ledger/track-changes.ts';
import { checkModel, type ModelFaultCode } from '../ledger/track-input.ts';
import type { TrackPolicy } from '../round/policy.ts';
import { hasRelays } from '../round/relay-rule.ts';
import { checkId } from '../views/request.ts';
import { type ModelView, modelView, trackWarnings } from '../views/tracks.ts';
import { type Answer, checkReason, checkTrackChange, type TrackChange } from './check.ts';
import { sequenceOf, writtenAt } from './sequence.ts';

export type TrackRequest = TrackChange &
  Readonly<{
    spec: Uint8Array;
    /** What the caller takes the spec's digest for; empty where it does not say. */
    schemaDigest: string;
    /** YAML or JSON. */
    policy: string;
  }>;

export type TrackSettings = Readonly<{ track: TrackId; spec: ModelSpec; policy: TrackPolicy; reason: string }>;

type SettingsFaultCode = 'REQUEST_INVALID' | 'POLICY_INVALID' | SpecFaultCode;

/** What the policy leaves out comes from what the track has: blocks by class, and the sample that it names, or that is in force when it is set. */
export function readSettings(
  request: TrackRequest,
  { tracks, clusters }: Pick<State, 'tracks' | 'clusters'>,
): Result<TrackSettings, SettingsFaultCode> {
  const track = checkId('track', request.track, isTrackId);
  if (!track.ok) return track;
  const unreasoned = checkReason(request.reason);
  if (unreasoned !== undefined) return unreasoned;
  const spec = specOfBytes(request.spec);
  if (!spec.ok) return spec;
  if (request.schemaDigest !== '' && request.schemaDigest !== schemaDigest(spec.value)) {
    return refuse('SPEC_INVALID', 'model spec: schema_digest is not the digest of this spec');
  }
  const samples = tracks.get(track.value)?.samples ?? [];
  const knows = knowledgeBySample(spec.value, samples, hasRelays(clusters.values()));
  const policy = parseTrackPolicy(request.policy, knows);
  if (!policy.ok) return policy;
  return ok({ track: track.value, spec: spec.value, policy: policy.value, reason: request.reason });
}

export type PutTrack = Readonly<{ model: ModelView | undefined; sequence: number; warnings: readonly string[] }>;

/**
 * Makes a track, or sets the policy of one that has this spec. `readModel` gives the initial model's bytes, at most so
 * many of them, and is asked only for a new track.
 */
export async function putTrack<ReadFault extends string>(
  store: Pick<Store, 'state' | 'commit' | 'blobs'>,
  actor: Actor,
  { track, spec, policy, reason }: TrackSettings,
  readModel: (bytesMax: number) => Promise<Result<Uint8Array, ReadFault>>,
): Answer<PutTrack, ReadFault | ModelFaultCode | TrackFaultCode | BlobFaultCode> {
  const answer = (committed: Awaited<ReturnType<typeof createTrack>>) => {
    const sequence = sequenceOf(store, committed);
    if (!sequence.ok) return sequence;
    const known = store.state().tracks.get(track);
    const model = known === undefined ? undefined : modelView(known, headOf(known).version);
    return ok({
      model,
      sequence: sequence.value,
      warnings: known === undefined ? [] : trackWarnings(store.state(), known),
    });
  };
  const known = store.state().tracks.get(track);
  if (known !== undefined) {
    if (known.schemaDigest !== schemaDigest(spec)) {
      return refuse('TRACK_EXISTS', `track ${track} has another model spec, which may not change; make a new track`);
    }
    return answer(await setPolicy(store, actor, { track, policy, reason }));
  }
  const bytes = await readModel(layoutOf(spec).length * 4);
  if (!bytes.ok) return bytes;
  const model = checkModel(spec, bytes.value);
  if (!model.ok) return model;
  const stored = await store.blobs.put(model.value);
  if (!stored.ok) return stored;
  return answer(await createTrack(store, actor, { track, spec, policy, modelDigest: stored.value, reason }));
}

export type MovedHead = Readonly<{
  before: ModelView | undefined;
  after: ModelView | undefined;
  openRound: RoundId | null;
  sequence: number;
}>;

export async function moveHead(
  store: Pick<Store, 'commit' | 'state'>,
  actor: Actor,
  { version, dryRun, ...named }: TrackChange & Readonly<{ version: number; dryRun: boolean }>,
): Answer<MovedHead, TrackFaultCode | 'VERSION_REVOKED'> {
  const change = checkTrackChange(named);
  if (!change.ok) return change;
  const moved = await move(store, actor, { ...change.value, version, dryRun });
  if (!moved.ok) return moved;
  const track = store.state().tracks.get(change.value.track) as Track;
  const { before, after, openRound } = moved.value.value;
  return ok({
    before: modelView(track, before.version),
    after: modelView(track, after.version),
    openRound,
    sequence: writtenAt(moved.value),
  });
}
