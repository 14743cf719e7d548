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
import type { ClusterId } from '../../../proto/ids.ts';

/** What stands behind a coordinator's doors. */
export type Services = Readonly<{
  engine: Engine;
  registry: Registry;
  intake: UpdateIntake;
  watchers: Pick<Watchers, 'watch'>;
  streams: Pick<ReleaseStreams, 'serve'>;
  /** Streams that are served now, of each cluster: Watch, and Subscribe. */
  served: readonly ReadonlyMap<ClusterId, number>[];
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
  const watchers = new Watchers({
    source: watchSourceOf(engine),
    limit: new ConcurrencyLimit('WATCHES_BUSY', caps),
    heartbeatMs,
    timers,
  });
  const streams = new ReleaseStreams({ engine, registry });
  const [watched, subscribed] = [new Map<ClusterId, number>(), new Map<ClusterId, number>()];
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
    watchers: { watch: counted(watched, (...call) => watchers.watch(...call)) },
    streams: { serve: counted(subscribed, (...call) => streams.serve(...call)) },
    served: [watched, subscribed],
  };
}

function counted<More extends readonly unknown[], Served>(
  open: Map<ClusterId, number>,
  serve: (cluster: ClusterId, ...more: More) => Promise<Served>,
): (cluster: ClusterId, ...more: More) => Promise<Served> {
  const add = (cluster: ClusterId, one: number) => void open.set(cluster, (open.get(cluster) ?? 0) + one);
  return (cluster, ...more) => {
    add(cluster, 1);
    return serve(cluster, ...more).finally(() => add(cluster, -1));
  };
}
