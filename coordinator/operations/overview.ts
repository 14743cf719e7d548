import { buildVersion } from '../../base/build-version.ts';
import type { EpochMs } from '../../base/time.ts';
import type { FederationId, TrackId } from '../../proto/ids.ts';
import type { Registry } from '../registry/registry.ts';
import type { Engine } from '../rounds/engine.ts';
import { type Attention, attentionOf } from '../views/attention.ts';
import { type StatusView, statusView } from '../views/status.ts';
import { plannedNext } from './rounds.ts';

/** The process that answers, and what it stands on. */
export type CoordinatorView = Readonly<{
  federation: FederationId;
  build: string;
  epoch: number;
  atMs: EpochMs;
  sequence: number;
  freeBytes: number;
  enrolledCount: number;
  connectedCount: number;
  queue: 'embedded' | 'redis' | 'redisAway';
  /** null without Redis, and while it does not answer. */
  workerCount: number | null;
  rootExpiresAtMs: EpochMs | null;
  pinsExpiresAtMs: EpochMs | null;
}>;

/** How everything stands: what `testudo status` and the dashboard's first page show. */
export type Overview = StatusView & Readonly<{ coordinator: CoordinatorView; attention: readonly Attention[] }>;

const warnWithinMs = 30 * 86_400_000;

export async function overviewOf(
  engine: Engine,
  registry: Pick<Registry, 'resolved' | 'gate'>,
  nowMs: EpochMs,
): Promise<Overview> {
  const [freeBytes, workers] = await Promise.all([engine.blobs.freeBytes(), engine.workerCount()]);
  const state = engine.state();
  const view = statusView({
    state,
    connected: engine.connected(),
    eligible: (track) => engine.eligible(track),
    resolved: (track) => registry.resolved(track),
    planned: plannedNext(engine, nowMs),
    alerts: (cluster) => engine.alerts.of(cluster, nowMs),
    sensors: (cluster) => engine.alerts.sensorsOf(cluster),
    response: (cluster) => engine.responses.fresh(cluster, nowMs),
  });
  const gate = (track: TrackId, version: number) => registry.gate(track, version);
  const { roots, pins } = state.metadata;
  const coordinator: CoordinatorView = {
    federation: engine.federation,
    build: buildVersion(),
    epoch: engine.epoch,
    atMs: nowMs,
    sequence: state.seq,
    freeBytes,
    enrolledCount: view.clusters.length,
    connectedCount: view.clusters.filter(({ connected }) => connected).length,
    queue: workers === undefined ? 'embedded' : workers === null ? 'redisAway' : 'redis',
    workerCount: workers ?? null,
    rootExpiresAtMs: roots.at(-1)?.expiresAtMs ?? null,
    pinsExpiresAtMs: pins?.expiresAtMs ?? null,
  };
  return {
    ...view,
    coordinator,
    attention: attentionOf(state, view, { nowMs, freeBytes, workers, warnWithinMs, gate }),
  };
}
