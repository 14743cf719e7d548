import { ok } from '../../../base/fault.ts';
import {
  type ClusterState,
  type CoordinatorStatus,
  type GetStatusRequest,
  type GetStatusResponse,
  QueueStatus,
  Severity,
  type TrackStatus,
} from '../../../proto/generated/testudo/v1/operator_status.ts';
import { calls } from '../../access/calls.ts';
import { type CoordinatorView, overviewOf } from '../../operations/overview.ts';
import type { Registry } from '../../registry/registry.ts';
import type { Engine } from '../../rounds/engine.ts';
import { pageOf } from '../../views/page.ts';
import type { ClusterStateView, TrackStatusView } from '../../views/status.ts';
import type { Door } from '../door.ts';
import { ms, optionalVersion } from './messages.ts';

const tracksMax = 1_000;
const attentionMax = 500;
const familiesMax = 16;

const severities = {
  notice: Severity.SEVERITY_NOTICE,
  warning: Severity.SEVERITY_WARNING,
  critical: Severity.SEVERITY_CRITICAL,
} as const;

const queues = {
  embedded: QueueStatus.QUEUE_STATUS_EMBEDDED,
  redis: QueueStatus.QUEUE_STATUS_REDIS,
  redisAway: QueueStatus.QUEUE_STATUS_REDIS_AWAY,
} as const;

/** How everything stands, in one call. */
export function statusHandlers(door: Door<'operator'>, engine: Engine, registry: Registry) {
  return {
    getStatus: door.unary<'viewer', GetStatusRequest, GetStatusResponse>(
      calls.operator.getStatus,
      async ({ page }, { nowMs }) => {
        const view = await overviewOf(engine, registry, nowMs);
        const paged = pageOf(view.clusters, page, ({ cluster }) => cluster);
        if (!paged.ok) return paged;
        const { attention } = view;
        return ok({
          coordinator: coordinatorMessage(view.coordinator),
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

function coordinatorMessage({ queue, workerCount, ...view }: CoordinatorView): CoordinatorStatus {
  const { federation, build, enrolledCount, connectedCount } = view;
  return {
    ...{ federation, build, enrolledCount, connectedCount },
    epoch: BigInt(view.epoch),
    atMs: ms(view.atMs),
    sequence: BigInt(view.sequence),
    freeBytes: BigInt(view.freeBytes),
    queue: queues[queue],
    workerCount: workerCount ?? undefined,
    rootExpiresAtMs: ms(view.rootExpiresAtMs),
    pinsExpiresAtMs: ms(view.pinsExpiresAtMs),
  };
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
    sensors: view.sensors ?? undefined,
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
      suggestion: row.suggestion === 'none' ? '' : row.suggestion,
      alerts: row.alerts.slice(0, familiesMax).map(({ family, count }) => ({ family, count: BigInt(count) })),
    })),
  };
}
