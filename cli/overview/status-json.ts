import { instantText } from '../../base/text/instant-text.ts';
import {
  type ClusterState,
  type CoordinatorStatus,
  type GetStatusResponse,
  QueueStatus,
  Severity,
  type TrackStatus,
} from '../../proto/generated/testudo/v1/operator_status.ts';
import { nameOf } from '../operator/wire-text.ts';
import type { StatusShape } from './status-shape.ts';

/** An answer as programs get it: names for numbers of enumerations, null for what there is not. */
export function statusJson(answer: GetStatusResponse): StatusShape {
  return {
    format: 'testudo/status/1',
    coordinator: coordinatorJson(answer.coordinator as CoordinatorStatus),
    tracks: answer.tracks.map(trackJson),
    clusters: answer.clusters.map(clusterJson),
    attention: answer.attention.map((matter) => ({
      severity: nameOf(Severity, matter.severity, 'SEVERITY_') as StatusShape['attention'][number]['severity'],
      code: matter.code,
      track: text(matter.track),
      cluster: text(matter.cluster),
      text: matter.text,
      at: when(matter.atMs),
    })),
    attentionCount: answer.attentionCount,
  };
}

function coordinatorJson(at: CoordinatorStatus): StatusShape['coordinator'] {
  return {
    federation: at.federation,
    build: at.build,
    epoch: Number(at.epoch),
    at: when(at.atMs),
    sequence: Number(at.sequence),
    freeBytes: Number(at.freeBytes),
    enrolledCount: at.enrolledCount,
    connectedCount: at.connectedCount,
    queue: nameOf(QueueStatus, at.queue, 'QUEUE_STATUS_') as StatusShape['coordinator']['queue'],
    workerCount: at.workerCount ?? null,
    rootExpiresAt: when(at.rootExpiresAtMs),
    pinsExpireAt: when(at.pinsExpiresAtMs),
  };
}

function trackJson(track: TrackStatus): StatusShape['tracks'][number] {
  return {
    track: track.track,
    head: Number(track.head),
    stable: version(track.stable),
    canary: version(track.canary),
    floor: Number(track.floor),
    newestAt: when(track.newestAtMs),
    openRound: text(track.openRound),
    acceptedCount: track.acceptedCount,
    quorumCount: track.quorumCount,
    closesAt: when(track.closesAtMs),
    nextRoundAt: when(track.nextRoundAtMs),
    heldBecause: text(track.heldBecause),
    lastRound: text(track.lastRound),
    lastAbandonedBecause: text(track.lastAbandonedBecause),
    eligibleCount: track.eligibleCount,
  };
}

function clusterJson(cluster: ClusterState): StatusShape['clusters'][number] {
  return {
    cluster: cluster.name,
    connected: cluster.connected,
    quarantined: cluster.quarantined,
    certificateEndsAt: when(cluster.certificateExpiresAtMs),
    sensors: cluster.sensors ?? null,
    tracks: cluster.tracks.map((row) => ({
      track: row.track,
      live: version(row.live),
      wanted: version(row.wanted),
      shadow: version(row.shadow),
      because: row.because,
      refusedCode: text(row.refusedCode),
      lastDeliveryAt: when(row.lastDeliveryAtMs),
      excludedIn: text(row.excludedIn),
      score: row.score ?? null,
      suggestion: text(row.suggestion),
      alerts: row.alerts.map(({ family, count }) => ({ family, count: Number(count) })),
    })),
  };
}

function version(number: bigint | undefined): number | null {
  return number === undefined ? null : Number(number);
}

function text(value: string): string | null {
  return value === '' ? null : value;
}

function when(atMs: bigint): string | null {
  return atMs === 0n ? null : instantText(Number(atMs));
}
