/**
 * What the dashboard's pages are told, as types: all that dashboard/ may import of the coordinator (`npm run arrows`).
 * Times are milliseconds since 1970, numbers that there are none of are null.
 */
import type { FederationId } from '../../proto/ids.ts';
import type { OperatorRole } from '../ledger/journal/events.ts';

export type { CoordinatorView, Overview } from '../operations/overview.ts';
export type { Attention, Severity } from '../views/attention.ts';
export type { ClusterStateView, ClusterTrackView, TrackStatusView } from '../views/status.ts';
export type { EntryNews } from './live.ts';
export type { OverviewNews } from './told.ts';
export type { OperatorRole };

/** Who is logged in. */
export type SessionShape = Readonly<{
  federation: FederationId;
  operator: string;
  role: OperatorRole;
  /** What every change shows in the header `x-testudo-token`. */
  token: string;
  expiresAtMs: number;
}>;

/** Of a refused request. */
export type FaultShape = Readonly<{ code: string; message: string }>;
