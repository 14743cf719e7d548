import { canonicalJson, type JsonValue } from '../../../base/canonical-json.ts';
import { ok, type Result, refuse } from '../../../base/fault.ts';
import type { ModelRef as ModelRefMessage } from '../../../proto/generated/testudo/v1/common.ts';
import type {
  ListTracksRequest,
  ListTracksResponse,
  PutTrackRequest,
  PutTrackResponse,
  TrackSettings,
} from '../../../proto/generated/testudo/v1/operator.ts';
import type { MoveHeadRequest, MoveHeadResponse } from '../../../proto/generated/testudo/v1/operator_rounds.ts';
import { isTrackId, type TrackId } from '../../../proto/ids.ts';
import { layoutOf } from '../../../proto/layout.ts';
import { type ModelSpec, schemaDigest, specBytes } from '../../../proto/model-spec.ts';
import { cutShort } from '../../access/access-control.ts';
import { calls } from '../../access/calls.ts';
import { parseTrackPolicy } from '../../config/policy.ts';
import { moveHead } from '../../ledger/move-head.ts';
import { headOf, openRoundOf, type Track } from '../../ledger/state/state.ts';
import { checkModel, readSpec } from '../../ledger/track-input.ts';
import type { TrackPolicy } from '../../round/policy.ts';
import type { Engine } from '../../rounds/engine.ts';
import type { Door } from '../door.ts';
import type { MessageReader } from '../message-reader.ts';
import { malformed } from '../service.ts';
import { checkId, checkReason, invalid, ms } from './requests.ts';
import { writtenAt } from './sequence.ts';

const idleMsMax = 30_000;
const planAheadMs = 366 * 86_400_000;

type Settings = Readonly<{ track: TrackId; spec: ModelSpec; policy: TrackPolicy; reason: string }>;

/** Tracks: what is learnt, and by which policy. */
export function trackHandlers(door: Door, engine: Engine) {
  return {
    putTrack: door.clientStream<'admin', PutTrackRequest, PutTrackResponse>(
      calls.operator.putTrack,
      async (messages, { actor, signal }) => {
        const first = await messages.next(idleMsMax);
        if (first.kind !== 'message')
          return signal.aborted ? cutShort(signal) : invalid('the track settings are missing');
        if (first.message === malformed) return refuse('MESSAGE_MALFORMED', 'the first message does not decode');
        if (first.message.part?.$case !== 'settings') return invalid('the first message must hold the track settings');
        const settings = readSettings(first.message.part.value);
        if (!settings.ok) return settings;
        const { track, spec, policy, reason } = settings.value;

        const known = engine.state().tracks.get(track);
        if (known !== undefined) {
          if (known.schemaDigest !== schemaDigest(spec)) {
            return refuse(
              'TRACK_EXISTS',
              `track ${track} has another model spec, which may not change; make a new track`,
            );
          }
          return putAnswer(engine, track, await engine.setPolicy(actor, { track, policy, reason }));
        }
        const model = await readModel(messages, spec);
        if (!model.ok) return signal.aborted ? cutShort(signal) : model;
        const stored = await engine.blobs.put(model.value);
        if (!stored.ok) return stored;
        const created = await engine.createTrack(actor, { track, spec, policy, modelDigest: stored.value, reason });
        return putAnswer(engine, track, created);
      },
    ),

    listTracks: door.unary<'viewer', ListTracksRequest, ListTracksResponse>(
      calls.operator.listTracks,
      async (_request, { nowMs }) => {
        const planned = new Map<string, number>();
        for (const { track, atMs } of engine.planRounds(nowMs + planAheadMs)) {
          if (!planned.has(track)) planned.set(track, atMs);
        }
        const sorted = [...engine.state().tracks.values()].sort((a, b) => (a.track < b.track ? -1 : 1));
        const tracks = sorted.slice(0, 1000).map((track) => ({
          settings: {
            track: track.track,
            spec: { canonicalJson: specBytes(track.spec), schemaDigest: track.schemaDigest },
            policyJson: canonicalJson(track.policy as unknown as JsonValue),
            reason: track.reason,
          },
          model: modelRef(track, track.headVersion),
          openRound: openRoundOf(track)?.round ?? '',
          nextRoundAtMs: ms(planned.get(track.track)),
        }));
        return ok({ tracks });
      },
    ),

    moveHead: door.unary<'operator', MoveHeadRequest, MoveHeadResponse>(
      calls.operator.moveHead,
      async ({ track: name, version, reason, dryRun }, { actor }) => {
        const id = checkId('track', name, isTrackId);
        if (!id.ok) return id;
        const unreasoned = checkReason(reason);
        if (unreasoned !== undefined) return unreasoned;
        const moved = await moveHead(engine, actor, { track: id.value, version: Number(version), reason, dryRun });
        if (!moved.ok) return moved;
        const track = engine.state().tracks.get(id.value) as Track;
        const { before, after, openRound } = moved.value.value;
        return ok({
          before: modelRef(track, before.version),
          after: modelRef(track, after.version),
          openRound: openRound ?? '',
          sequence: writtenAt(moved.value),
        });
      },
    ),
  };
}

/** A model of a track as messages name it; undefined when there is no such version. */
export function modelRef(track: Track, version: number): ModelRefMessage | undefined {
  const model = track.models[version];
  if (model === undefined) return undefined;
  return {
    track: track.track,
    version: BigInt(version),
    digest: model.digest,
    schemaDigest: track.schemaDigest,
    sizeBytes: BigInt(track.modelBytes),
  };
}

function readSettings({ track, spec, policyJson, reason }: TrackSettings): Result<Settings> {
  const id = checkId('track', track, isTrackId);
  if (!id.ok) return id;
  const unreasoned = checkReason(reason);
  if (unreasoned !== undefined) return unreasoned;
  const checked = readSpec(spec?.canonicalJson ?? new Uint8Array());
  if (!checked.ok) return checked;
  if (spec !== undefined && spec.schemaDigest !== '' && spec.schemaDigest !== schemaDigest(checked.value)) {
    return refuse('SPEC_INVALID', 'model spec: schema_digest is not the digest of this spec');
  }
  const policy = parseTrackPolicy(policyJson);
  return policy.ok ? ok({ track: id.value, spec: checked.value, policy: policy.value, reason }) : policy;
}

/** The initial model: as many bytes as the checked spec says, and every value finite. */
async function readModel(
  messages: MessageReader<PutTrackRequest | typeof malformed>,
  spec: ModelSpec,
): Promise<Result<Uint8Array>> {
  const layout = layoutOf(spec);
  const chunks: Uint8Array[] = [];
  let received = 0;
  for (;;) {
    const read = await messages.next(idleMsMax);
    if (read.kind === 'end') break;
    if (read.kind !== 'message') return refuse('PEER_TOO_SLOW', 'no chunk of the model for too long');
    if (read.message === malformed) return refuse('MESSAGE_MALFORMED', 'a message of the stream does not decode');
    if (read.message.part?.$case !== 'modelChunk') {
      return invalid('after the settings, every message must hold a chunk of the model');
    }
    const chunk = read.message.part.value;
    received += chunk.byteLength;
    if (received > layout.length * 4) break;
    chunks.push(chunk);
  }
  return checkModel(spec, received > layout.length * 4 ? new Uint8Array() : Buffer.concat(chunks));
}

function putAnswer(
  engine: Engine,
  track: TrackId,
  committed: Awaited<ReturnType<Engine['createTrack']>>,
): Result<PutTrackResponse> {
  if (!committed.ok) return committed;
  const known = engine.state().tracks.get(track);
  const model = known === undefined ? undefined : modelRef(known, headOf(known).version);
  return ok({ model, sequence: BigInt(committed.value.entries.at(-1)?.seq ?? engine.state().seq) });
}
