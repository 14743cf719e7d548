import type { EpochMs } from '../../base/time.ts';
import type { RoundRules } from './rules.ts';

/**
 * So many of the `wanted` are enough to wait for no longer than the grace for the others; undefined under rules without one. All
 * but f, since f may choose to say nothing, and one in any case, since anybody may be away; never fewer than the quorum.
 */
export function enoughOf(wanted: number, quorum: number, { graceMs, sparedMax }: RoundRules): number | undefined {
  if (graceMs === undefined || graceMs === null) return undefined;
  return Math.max(quorum, wanted - (sparedMax ?? 1));
}

/**
 * Until when the others are waited for, where enough came by `atMs`: as long again as those took, so that a slower machine is
 * counted, and `graceMs` at least, so that one which comes back is.
 */
export function graceEnd(sinceMs: EpochMs, atMs: EpochMs, { graceMs }: RoundRules): EpochMs {
  return atMs + Math.max(graceMs ?? 0, atMs - sinceMs);
}
