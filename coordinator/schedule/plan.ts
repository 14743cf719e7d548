import type { TrackId } from '../../proto/ids.ts';
import type { EpochMs } from '../round/phase.ts';

/** A round that a schedule will open, or would. */
export type PlannedRound = Readonly<{
  track: TrackId;
  atMs: EpochMs;
  /** Why it will not open at its time; null when it will. */
  heldBecause: 'BLACKOUT' | 'FREEZE' | 'TOO_FEW_CLUSTERS' | null;
}>;
