import { canonicalJson, type JsonValue } from '../../../base/canonical-json.ts';
import { ok, type Result, refuse } from '../../../base/fault.ts';
import type {
  ListTracksRequest,
  ListTracksResponse,
  PutTrackRequest,
  PutTrackResponse,
} from '../../../proto/generated/testudo/v1/operator.ts';
import type { MoveHeadRequest, MoveHeadResponse } from '../../../proto/generated/testudo/v1/operator_rounds.ts';
import { specBytes } from '../../../proto/model-spec.ts';
import { cutShort } from '../../access/access-control.ts';
import { calls } from '../../access/calls.ts';
import { plannedAhead } from '../../operations/rounds.ts';
import { moveHead, putTrack, readSettings } from '../../operations/tracks.ts';
import type { Engine } from '../../rounds/engine.ts';
import { invalid } from '../../views/request.ts';
import { type TrackView, tracksView } from '../../views/tracks.ts';
import type { Door } from '../door.ts';
import type { MessageReader } from '../message-reader.ts';
import { malformed } from '../service.ts';
import { modelRef, ms } from './messages.ts';
import { sampleMessage } from './samples.ts';

const idleMsMax = 30_000;
const tracksMax = 1_000;

/** Tracks: what is learnt, and by which policy. */
export function trackHandlers(door: Door<'operator'>, engine: Engine) {
  return {
    putTrack: door.clientStream<'admin', PutTrackRequest, PutTrackResponse>(
      calls.operator.putTrack,
      async (messages, { actor, signal }) => {
        const first = await messages.next(idleMsMax);
        if (first.kind !== 'message')
          return signal.aborted ? cutShort(signal) : invalid('the track settings are missing');
        if (first.message === malformed) return refuse('MESSAGE_MALFORMED', 'the first message does not decode');
        if (first.message.part?.$case !== 'settings') return invalid('the first message must hold the track settings');
        const { track, spec, policyJson: policy, reason } = first.message.part.value;
        const named = { spec: spec?.canonicalJson ?? new Uint8Array(), schemaDigest: spec?.schemaDigest ?? '' };
        const settings = readSettings({ track, ...named, policy, reason }, engine.state());
        if (!settings.ok) return settings;
        const put = await putTrack(engine, actor, settings.value, async (bytesMax) => {
          const model = await readModel(messages, bytesMax);
          return !model.ok && signal.aborted ? cutShort(signal) : model;
        });
        if (!put.ok) return put;
        const { model, sequence, warnings } = put.value;
        return ok({ model: modelRef(model), sequence: BigInt(sequence), warnings: [...warnings] });
      },
    ),

    listTracks: door.unary<'viewer', ListTracksRequest, ListTracksResponse>(
      calls.operator.listTracks,
      async (_request, { nowMs }) => {
        const tracks = tracksView(engine.state(), plannedAhead(engine, nowMs));
        return ok({ tracks: tracks.slice(0, tracksMax).map(trackMessage) });
      },
    ),

    moveHead: door.unary<'operator', MoveHeadRequest, MoveHeadResponse>(
      calls.operator.moveHead,
      async ({ version, ...request }, { actor }) => {
        const moved = await moveHead(engine, actor, { ...request, version: Number(version) });
        if (!moved.ok) return moved;
        const { before, after, openRound, sequence } = moved.value;
        return ok({
          before: modelRef(before),
          after: modelRef(after),
          openRound: openRound ?? '',
          sequence: BigInt(sequence),
        });
      },
    ),
  };
}

function trackMessage(view: TrackView): ListTracksResponse['tracks'][number] {
  const { track, spec, schemaDigest, policy, reason } = view;
  const { rounds } = policy;
  // Of one from before there was the setting: who reads it fills in what is left out, and would say a grace that it has not.
  const settled = { ...policy, rounds: { ...rounds, graceMs: rounds.graceMs ?? null } };
  return {
    settings: {
      track,
      spec: { canonicalJson: specBytes(spec), schemaDigest },
      policyJson: canonicalJson(settled as unknown as JsonValue),
      reason,
    },
    model: modelRef(view.model),
    openRound: view.openRound ?? '',
    nextRoundAtMs: ms(view.nextRoundAtMs),
    sample: view.sample && sampleMessage(view.sample),
  };
}

/** The initial model's bytes; of a stream that brings too many, none: no model has that size. */
async function readModel(
  messages: MessageReader<PutTrackRequest | typeof malformed>,
  bytesMax: number,
): Promise<Result<Uint8Array, 'PEER_TOO_SLOW' | 'MESSAGE_MALFORMED' | 'REQUEST_INVALID'>> {
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
    if (received > bytesMax) return ok(new Uint8Array());
    chunks.push(chunk);
  }
  return ok(Buffer.concat(chunks));
}
