import type { EpochMs } from '../../base/time.ts';
import type { ClusterId, RoundId, TrackId } from '../../proto/ids.ts';
import type { ReleaseFaultCode } from '../../proto/release/faults.ts';
import { type AgentState, agentKey } from '../ledger/state/releasing.ts';
import { type Cluster, openRoundOf, type Round, type State, type Track } from '../ledger/state/state.ts';
import type { Effect } from '../registry/decide/effects.ts';
import type { AbandonReason } from '../round/phase.ts';
import type { PlannedRound } from '../round/schedule/planned-rounds.ts';
import { untilOf } from '../round/step.ts';
import type { AlertCount, SensorCounts } from '../rounds/told/alert-board.ts';
import type { HeardStanding } from '../rounds/told/response-board.ts';
import { type Suggestion, suggestionOf } from './records/suggestion.ts';
import { type ResponseCountsView, responseCounts } from './responses.ts';

/** What a look at everything reads beside the state. */
export type StatusParts = Readonly<{
  state: State;
  connected: ReadonlySet<ClusterId>;
  /** Who would be invited to a round of the track now. */
  eligible: (track: TrackId) => readonly ClusterId[];
  /** What each enrolled cluster should run now. */
  resolved: (track: TrackId) => readonly Effect[];
  /** What the schedules will open, soonest first. */
  planned: readonly PlannedRound[];
  /** What a cluster told of its alerts. */
  alerts: (cluster: ClusterId) => readonly AlertCount[];
  /** What its hub told of its sensors. */
  sensors: (cluster: ClusterId) => SensorCounts | undefined;
  /** What its response agent told lately. */
  response: (cluster: ClusterId) => HeardStanding | undefined;
}>;

export type TrackStatusView = Readonly<{
  track: TrackId;
  head: number;
  stable: number | null;
  canary: number | null;
  floor: number;
  newestAtMs: EpochMs | null;
  openRound: RoundId | null;
  acceptedCount: number;
  /** 0 before the cohort is known. */
  quorumCount: number;
  closesAtMs: EpochMs | null;
  next: PlannedRound | null;
  lastRound: RoundId | null;
  lastAbandonedBecause: AbandonReason | null;
  lastEndedAtMs: EpochMs | null;
  eligibleCount: number;
}>;

export type ClusterTrackView = Readonly<{
  track: TrackId;
  live: number | null;
  wanted: number | null;
  shadow: number | null;
  because: string;
  /** Pins in force for it that it cannot be held by. */
  passedOver: Effect['passedOver'];
  /** Why its agent refused, and which version, or with which running; null where nobody asks that of it any longer. */
  refusedCode: string | null;
  refusedVersion: number | null;
  /** null in none of the rounds that are kept in full. */
  lastDeliveryAtMs: EpochMs | null;
  excludedIn: RoundId | null;
  /** null where it never took part. */
  score: number | null;
  /** What people may do about it by its record. */
  suggestion: Suggestion;
  /** Of the last 24 hours, as the cluster counted them; the most first. */
  alerts: readonly FamilyCount[];
}>;

export type FamilyCount = Readonly<{ family: string; count: number }>;

export type ClusterStateView = Readonly<{
  cluster: ClusterId;
  connected: boolean;
  quarantined: boolean;
  certificateExpiresAtMs: EpochMs;
  /** null where its hub told of none. */
  sensors: SensorCounts | null;
  /** null where no response agent told lately. */
  response: ResponseCountsView | null;
  tracks: readonly ClusterTrackView[];
}>;

export type StatusView = Readonly<{ tracks: readonly TrackStatusView[]; clusters: readonly ClusterStateView[] }>;

/** Every track and every member, by name. One pass over rounds, agents and members: 500 clusters take milliseconds. */
export function statusView(parts: StatusParts): StatusView {
  const { state, connected } = parts;
  const tracks = [...state.tracks.values()].sort((a, b) => (a.track < b.track ? -1 : 1));
  const rows = tracks.map((track) => rowsOf(parts, track));
  const members = [...state.clusters.values()]
    .filter(({ status }) => status === 'enrolled')
    .sort((a, b) => (a.cluster < b.cluster ? -1 : 1));
  return {
    tracks: tracks.map((track) => trackStatus(parts, track)),
    clusters: members.map(({ cluster, quarantined, certificateExpiresAtMs }: Cluster) => ({
      cluster,
      connected: connected.has(cluster),
      quarantined,
      certificateExpiresAtMs,
      sensors: parts.sensors(cluster) ?? null,
      response: countsOf(parts.response(cluster)),
      tracks: rows.map((rowOf) => rowOf(cluster)),
    })),
  };
}

function countsOf(standing: HeardStanding | undefined): ResponseCountsView | null {
  return standing === undefined ? null : responseCounts(standing);
}

function trackStatus({ eligible, planned }: StatusParts, track: Track): TrackStatusView {
  const { track: id, headVersion, models, rounds, releasing } = track;
  const open = openRoundOf(track);
  const ended = [...rounds.values()].findLast(({ phase }) => phase.kind === 'candidate' || phase.kind === 'abandoned');
  const collecting = open?.phase.kind === 'collecting' ? open.phase : undefined;
  return {
    track: id,
    head: headVersion,
    stable: releasing.channels.stable?.version ?? null,
    canary: releasing.channels.canary?.version ?? null,
    floor: releasing.floor,
    newestAtMs: models.at(-1)?.createdAtMs ?? null,
    openRound: open?.round ?? null,
    acceptedCount: open !== undefined && 'accepted' in open.phase ? open.phase.accepted.length : 0,
    quorumCount: open !== undefined && 'quorumUpdates' in open.phase ? open.phase.quorumUpdates : 0,
    closesAtMs: collecting === undefined ? null : untilOf(collecting),
    next: planned.find((run) => run.track === id) ?? null,
    lastRound: ended?.round ?? null,
    lastAbandonedBecause: ended?.phase.kind === 'abandoned' ? ended.phase.reason : null,
    lastEndedAtMs: ended !== undefined && 'endedAtMs' in ended.phase ? ended.phase.endedAtMs : null,
    eligibleCount: eligible(id).length,
  };
}

/** What is asked of a track for each cluster, prepared once for all of them. */
function rowsOf({ state, resolved, alerts }: StatusParts, track: Track): (cluster: ClusterId) => ClusterTrackView {
  const { track: id, standings, rounds } = track;
  const wanted = new Map(resolved(id).map((effect) => [effect.cluster, effect]));
  const deliveries = lastDeliveries(rounds.values());
  return (cluster) => {
    const quarantined = state.clusters.get(cluster)?.quarantined ?? false;
    const agent = state.agents.get(agentKey(cluster, id));
    const standing = standings[cluster];
    const shall = wanted.get(cluster);
    const refused = standingRefusal(agent, shall);
    return {
      track: id,
      live: agent?.liveVersion ?? null,
      wanted: shall?.after ?? null,
      shadow: agent?.shadowVersion ?? null,
      because: shall?.because ?? '',
      passedOver: shall?.passedOver ?? [],
      refusedCode: refused?.faultCode ?? null,
      refusedVersion: refused?.version ?? null,
      lastDeliveryAtMs: deliveries.get(cluster) ?? null,
      excludedIn: standing?.excludedIn ?? null,
      score: standing?.score ?? null,
      suggestion: suggestionOf(standing, quarantined, (round) => rounds.has(round)).suggestion,
      alerts: byFamily(alerts(cluster).filter((one) => one.track === id)),
    };
  };
}

/**
 * What an agent said last that it refuses. Not a version that nobody asks for any longer, as after a rollback: an agent that is
 * away has not said that it keeps what it runs.
 */
function standingRefusal(agent: AgentState | undefined, shall: Effect | undefined): AgentState['refused'] {
  const refused = agent?.refused ?? null;
  if (refused === null || ofTheWholeSet.has(refused.faultCode)) return refused;
  return [shall?.after, shall?.shadowAfter, agent?.liveVersion].includes(refused.version) ? refused : null;
}

/** Refusals of all that was signed: an agent tells them with the version that it runs, which may be unknown here after a restore. */
export const ofTheWholeSet: ReadonlySet<string> = new Set<ReleaseFaultCode>([
  'METADATA_TOO_LARGE',
  'METADATA_INVALID',
  'METADATA_UNDERSIGNED',
  'METADATA_EXPIRED',
  'METADATA_ROLLED_BACK',
  'METADATA_EQUIVOCATED',
  'METADATA_MISMATCHED',
  'ROOT_SKIPPED',
  'FLOOR_LOWERED',
  'TRUST_INVALID',
]);

function byFamily(counts: readonly AlertCount[]): readonly FamilyCount[] {
  const sums = new Map<string, number>();
  for (const { family, count } of counts) sums.set(family, (sums.get(family) ?? 0) + count);
  const rows = [...sums].map(([family, count]) => ({ family, count }));
  return rows.sort((a, b) => b.count - a.count || (a.family < b.family ? -1 : 1));
}

/** `rounds`: oldest first. */
function lastDeliveries(rounds: Iterable<Round>): ReadonlyMap<ClusterId, EpochMs> {
  const last = new Map<ClusterId, EpochMs>();
  for (const { phase } of rounds) {
    if (!('accepted' in phase)) continue;
    for (const { cluster, acceptedAtMs } of phase.accepted) last.set(cluster, acceptedAtMs);
  }
  return last;
}
