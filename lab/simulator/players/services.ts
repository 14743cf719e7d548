import type { Timers } from '../../../base/time.ts';
import { ConcurrencyLimit } from '../../../coordinator/access/concurrency-limit.ts';
import { Watchers, watchSourceOf } from '../../../coordinator/grpc/federation/watch.ts';
import { ReleaseStreams } from '../../../coordinator/grpc/releases/release-streams.ts';
import { deskOfEngine } from '../../../coordinator/grpc/updates/intake-desk.ts';
import { UpdateIntake } from '../../../coordinator/grpc/updates/update-intake.ts';
import { UploadGate } from '../../../coordinator/grpc/updates/upload-gate.ts';
import type { RoundTraces } from '../../../coordinator/observability/round-traces.ts';
import type { Registry } from '../../../coordinator/registry/registry.ts';
import type { Engine } from '../../../coordinator/rounds/engine.ts';
import type { SigningKeyPair } from '../../../proto/envelope/crypto/keys.ts';

/** What stands behind a coordinator's doors. */
export type Services = Readonly<{
  engine: Engine;
  registry: Registry;
  intake: UpdateIntake;
  watchers: Watchers;
  streams: ReleaseStreams;
}>;

/** Different payloads that one peer may begin in one round. */
export const attemptsMax = 4;
const caps = { atOnceMax: 16, perPeerMax: 4, waitingMax: 32 };
/** Seldom, since every beat costs: reconnections are noticed by the stream's own end. */
const heartbeatMs = 3_600_000;
const pace = { idleMsMax: 10_000, graceMs: 20_000, bytesPerSecondMin: 8 };
const nothing = { updateAccepted: () => {}, updateRefused: () => {}, payloadBytes: () => {} };
const noTraces = { updateAccepted: () => {}, roundEnded: () => {} } as unknown as RoundTraces;

export function servicesOf(engine: Engine, registry: Registry, receiptKey: SigningKeyPair, timers: Timers): Services {
  const gate = new UploadGate({ ...caps, attemptsMax });
  return {
    engine,
    registry,
    intake: new UpdateIntake({
      desk: deskOfEngine({ engine, receiptKey, traces: noTraces }),
      gate,
      pace,
      metrics: nothing,
      timers,
    }),
    watchers: new Watchers({
      source: watchSourceOf(engine),
      limit: new ConcurrencyLimit('WATCHES_BUSY', caps),
      heartbeatMs,
      timers,
    }),
    streams: new ReleaseStreams({ engine, registry }),
  };
}
