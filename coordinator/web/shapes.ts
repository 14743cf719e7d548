/**
 * What the dashboard's pages are told, as types: all that dashboard/ may import of the coordinator (`npm run arrows`).
 * Times are milliseconds since 1970, numbers that there are none of are null.
 */
import type { FederationId } from '../../proto/ids.ts';
import type { KnownAntibody, OperatorRole } from '../ledger/journal/events.ts';
import type { Freeze } from '../ledger/state/state.ts';
import type { Effect } from '../registry/decide/effects.ts';
import type { AlertCount } from '../rounds/told/alert-board.ts';
import type { HeardStanding } from '../rounds/told/response-board.ts';
import type { AuditFound } from '../views/audit-search.ts';
import type { ChannelsView } from '../views/channels.ts';
import type { GateView } from '../views/gate.ts';
import type { MapSummary } from '../views/maps.ts';
import type { ClusterView } from '../views/members.ts';
import type { PinView } from '../views/pins.ts';
import type { StandingView } from '../views/records/standings.ts';
import type { ReleaseView } from '../views/releases.ts';
import type { ApprovalsView } from '../views/responses.ts';

export type { CoordinatorView, Overview } from '../operations/overview.ts';
export type { HeardMap as ClusterMap } from '../rounds/told/map-board.ts';
export type { Attention } from '../views/attention.ts';
export type { PinView } from '../views/pins.ts';
export type { ProgressView } from '../views/records/progress.ts';
export type { ApprovalsView } from '../views/responses.ts';
export type { MeasuredPart, RoundDetail } from '../views/round-detail.ts';
export type { RoundView } from '../views/rounds.ts';
export type { ClusterStateView, ClusterTrackView, TrackStatusView } from '../views/status.ts';
export type { EntryNews } from './live.ts';
export type { OverviewNews } from './told.ts';
export type { Effect, Freeze, GateView, KnownAntibody, OperatorRole, ReleaseView, StandingView };

/** Who is logged in. */
export type SessionShape = Readonly<{
  federation: FederationId;
  operator: string;
  role: OperatorRole;
  /** What every change shows in the header `x-testudo-token`. */
  token: string;
  expiresAtMs: number;
}>;

/** How to log in, beside the link that a certificate gives. */
export type WaysShape = Readonly<{ oidc: boolean; proxy: boolean }>;

/** Of a refused request. */
export type FaultShape = Readonly<{ code: string; message: string }>;

/** A track's versions, newest first, and what points at them. */
export type ReleasesPage = ChannelsView &
  Readonly<{
    releases: readonly ReleaseView[];
    head: number;
    /** Whether its policy has a gate; without one a candidate is stable at once. */
    hasGate: boolean;
    /** The last ones, newest first. */
    gates: readonly GateView[];
    /** In force for this track. */
    pins: readonly PinView[];
    /** That hold this track, now or later, soonest first. */
    freezes: readonly Freeze[];
  }>;

export type ClusterPage = Readonly<{
  cluster: ClusterView;
  standings: readonly StandingView[];
  /** By track, hour and family, of the last 24 hours. */
  alerts: readonly AlertCount[];
  /** As its response agent told last; null where it never did. */
  response: HeardStanding | null;
  /** What pins of operators hold it on. */
  pins: readonly PinView[];
}>;

/** Clusters that share their map, by name, and what is in each. */
export type MapsPage = Readonly<{ clusters: readonly MapSummary[] }>;

/** What waits for a person in clusters, and what was decided within a day. */
export type ApprovalsPage = Readonly<{ clusters: readonly ApprovalsView[] }>;

/** `to`: the number of the last entry that was looked at. */
export type AuditPage = AuditFound & Readonly<{ to: number }>;

/** The journal's hash chain: how far it was verified, or where it breaks. */
export type ChainShape = Readonly<{ holds: true; entries: number; digest: string } | { holds: false; why: string }>;

/** What an act did, or would do; `sequence` 0 for a dry run. */
export type Outcome = Readonly<{
  effects: readonly Effect[];
  sequence: number;
  version?: number;
  /** Of a gate: whether it is decided by this, who has spoken for it, and how many must. */
  decided?: boolean;
  approvedBy?: readonly string[];
  approvalsNeeded?: number;
  heldRounds?: number;
  round?: string;
  /** Of a dry run: what the act itself must show, to be done only if it would do this. */
  agreed?: string;
}>;
