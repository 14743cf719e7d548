import { refuse } from '../../../base/fault.ts';
import type { TrackId } from '../../../proto/ids.ts';
import type { GateState, TrackReleasing } from '../../ledger/state/releasing.ts';
import type { Planned } from './planning.ts';

/** Whether the gate let a version through, or an operator in its place, or it was stable before and not rejected since. */
export function hasPassed({ stableHistory, gates }: TrackReleasing, version: number): boolean {
  const decided = gates[version]?.decision?.decision;
  return decided === 'promote' || (decided !== 'reject' && stableHistory.includes(version));
}

/** Who let a version through: the gate by itself, or operators, who have seen what was said against it; undefined for nobody. */
export function promotedBy({ decision }: GateState): 'gate' | 'operators' | undefined {
  if (decision?.decision !== 'promote') return undefined;
  return decision.reasons.length === 0 ? 'gate' : 'operators';
}

/** Whether clusters of a channel judge by its version: those of a shadowing one only run it beside. */
export function runsLive(channel: string, shadows: string | null): boolean {
  return channel === 'stable' || shadows === null;
}

export function notPassed(track: TrackId, version: number): Planned {
  return refuse(
    'GATE_NOT_PASSED',
    `version ${version} of ${track} has not passed the gate; wait for its canaries, or override the gate`,
  );
}
