import { buildVersion } from '../../../base/build-version.ts';
import { ok } from '../../../base/fault.ts';
import {
  type ClusterState,
  type GetStatusRequest,
  type GetStatusResponse,
  QueueStatus,
  Severity,
  type TrackStatus,
} from '../../../proto/generated/testudo/v1/operator_status.ts';
import type { TrackId } from '../../../proto/ids.ts';
import { calls } from '../../access/calls.ts';
import { plannedNext } from '../../operations/rounds.ts';
import type { Registry } from '../../registry/registry.ts';
import type { Engine } from '../../rounds/engine.ts';
import { attentionOf } from '../../views/attention.ts';
import { pageOf } from '../../views/page.ts';
import { type ClusterStateView, statusView, type TrackStatusView } from '../../views/status.ts';
import type { Door } from '../door.ts';
import { ms, optionalVersion } from './messages.ts';

const tracksMax = 1_000;
const attentionMax = 500;
const familiesMax = 16;
const warnWithinMs = 30 * 86_400_000;

const severities = {
  notice: Severity.SEVERITY_NOTICE,
  warning: Severity.SEVERITY_WARNING,
  critical: Severity.SEVERITY_CRITICAL,
} as const;

/** How everything stands, in one call. */
export function statusHandlers(door: Door<'operator'>, engine: Engine, registry: Registry) {
  return {
    getStatus: door.unary<'viewer', GetStatusRequest, GetStatusResponse>(
      calls.operator.getStatus,
      async ({ page }, { nowMs }) => {
        const [freeBytes, workers] = await Promise.all([engine.blobs.freeBytes(), engine.workerCount()]);
        const state = engine.state();
        const connected = engine.connected();
        const view = statusView({
          state,
          connected,
          eligible: (track) => engine.eligible(track),
          resolved: (track) => registry.resolved(track),
          planned: plannedNext(engine, nowMs),
          alerts: (cluster) => engine.alerts.of(cluster, nowMs),
        });
        const paged = pageOf(view.clusters, page, ({ cluster }) => cluster);
        if (!paged.ok) return paged;
        const gate = (track: TrackId, version: number) => registry.gate(track, version);
        const attention = attentionOf(state, view, { nowMs, freeBytes, workers, warnWithinMs, gate });
        const { roots, pins } = state.metadata;
        return ok({
          coordinator: {
            federation: engine.federation,
            build: buildVersion(),
            epoch: BigInt(engine.epoch),
            atMs: ms(nowMs),
            sequence: BigInt(state.seq),
            freeBytes: BigInt(freeBytes),
            enrolledCount: view.clusters.length,
            connectedCount: view.clusters.filter(({ connected: is }) => is).length,
            queue: queueOf(workers),
            workerCount: workers ?? undefined,
            rootExpiresAtMs: ms(roots.at(-1)?.expiresAtMs),
            pinsExpiresAtMs: ms(pins?.expiresAtMs),
          },
          tracks: view.tracks.slice(0, tracksMax).map(trackMessage),
          clusters: paged.value.rows.map(clusterMessage),
          attention: attention
            .slice(0, attentionMax)
            .map(({ severity, atMs, ...row }) => ({ ...row, severity: severities[severity], atMs: ms(atMs) })),
          attentionCount: attention.length,
          nextPage: paged.value.nextPage,
        });
      },
    ),
  };
}

function queueOf(workers: number | null | undefined): QueueStatus {
  if (workers === undefined) return QueueStatus.QUEUE_STATUS_EMBEDDED;
  return workers === null ? QueueStatus.QUEUE_STATUS_REDIS_AWAY : QueueStatus.QUEUE_STATUS_REDIS;
}

function trackMessage(view: TrackStatusView): TrackStatus {
  const { track, acceptedCount, quorumCount, eligibleCount } = view;
  return {
    ...{ track, acceptedCount, quorumCount, eligibleCount },
    head: BigInt(view.head),
    stable: optionalVersion(view.stable),
    canary: optionalVersion(view.canary),
    floor: BigInt(view.floor),
    newestAtMs: ms(view.newestAtMs),
    openRound: view.openRound ?? '',
    closesAtMs: ms(view.closesAtMs),
    nextRoundAtMs: ms(view.next?.atMs),
    heldBecause: view.next?.heldBecause ?? '',
    lastRound: view.lastRound ?? '',
    lastAbandonedBecause: view.lastAbandonedBecause ?? '',
  };
}

function clusterMessage({ cluster: name, connected, quarantined, ...view }: ClusterStateView): ClusterState {
  return {
    ...{ name, connected, quarantined },
    certificateExpiresAtMs: ms(view.certificateExpiresAtMs),
    tracks: view.tracks.map((row) => ({
      track: row.track,
      live: optionalVersion(row.live),
      wanted: optionalVersion(row.wanted),
      shadow: optionalVersion(row.shadow),
      because: row.because,
      refusedCode: row.refusedCode ?? '',
      lastDeliveryAtMs: ms(row.lastDeliveryAtMs),
      excludedIn: row.excludedIn ?? '',
      score: row.score ?? undefined,
      alerts: row.alerts.slice(0, familiesMax).map(({ family, count }) => ({ family, count: BigInt(count) })),
    })),
  };
}
