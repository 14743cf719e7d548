import type { Timers } from '../../base/time.ts';
import type { ConnectToReleases } from '../../client/releases/release-calls.ts';
import type { ConnectToRounds } from '../../client/rounds/round-calls.ts';
import { ConcurrencyLimit } from '../../coordinator/access/concurrency-limit.ts';
import { FileFetches } from '../../coordinator/grpc/federation/file-fetches.ts';
import { servedModelBytes } from '../../coordinator/grpc/federation/models.ts';
import { Watchers, watchSourceOf } from '../../coordinator/grpc/federation/watch.ts';
import { ReleaseStreams } from '../../coordinator/grpc/releases/release-streams.ts';
import { deskOfEngine } from '../../coordinator/grpc/updates/intake-desk.ts';
import { UpdateIntake } from '../../coordinator/grpc/updates/update-intake.ts';
import { UploadGate } from '../../coordinator/grpc/updates/upload-gate.ts';
import type { CoordinatorKeys } from '../../coordinator/keys/coordinator-keys.ts';
import { Metrics } from '../../coordinator/observability/metrics.ts';
import { RoundTraces } from '../../coordinator/observability/round-traces.ts';
import type { Registry } from '../../coordinator/registry/registry.ts';
import type { Engine } from '../../coordinator/rounds/engine.ts';
import type { Digest } from '../../proto/ids.ts';
import { releasesInProcess } from './releases.ts';
import { roundsInProcess } from './rounds.ts';

export type InProcessParts = Readonly<{
  engine: Engine;
  registry: Registry;
  keys: Pick<CoordinatorKeys, 'receiptKey'>;
  timers: Timers;
}>;

/** Ways to a coordinator that are neither gRPC nor sockets. */
export type InProcessCoordinator = Readonly<{ connectToRounds: ConnectToRounds; connectToReleases: ConnectToReleases }>;

const heartbeatMs = 20_000;
const pace = { idleMsMax: 10_000, graceMs: 10_000, bytesPerSecondMin: 1 };
const caps = { atOnceMax: 64, perPeerMax: 4, waitingMax: 256 };

/**
 * What stands behind the gRPC services of an engine and a registry, reached by calls within this process. There is no
 * door: each connection is believed to be the cluster's that it names, and is neither limited nor audited.
 */
export function serveInProcess({ engine, registry, keys, timers }: InProcessParts): InProcessCoordinator {
  const metrics = new Metrics();
  const fetchesOf = (sizeOf: (digest: Digest) => number | undefined) =>
    new FileFetches({
      blobs: engine.blobs,
      sizeOf,
      limit: new ConcurrencyLimit('FETCHES_BUSY', caps),
      pace,
      metrics,
      timers,
    });
  const gate = new UploadGate({ ...caps, attemptsMax: 10 });
  const desk = deskOfEngine({ engine, receiptKey: keys.receiptKey, traces: new RoundTraces() });
  return {
    connectToRounds: roundsInProcess({
      intake: new UpdateIntake({ desk, gate, pace, metrics, timers }),
      watchers: new Watchers({
        source: watchSourceOf(engine),
        limit: new ConcurrencyLimit('WATCHES_BUSY', caps),
        heartbeatMs,
        timers,
      }),
      fetches: fetchesOf((digest) => servedModelBytes(engine.state(), digest)),
    }),
    connectToReleases: releasesInProcess({
      streams: new ReleaseStreams({ engine, registry }),
      reports: registry.reports,
      fetches: fetchesOf((digest) => registry.servedBytes(digest)),
    }),
  };
}
