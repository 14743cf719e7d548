import type { BreakerLimits } from '../../../proto/response-policy.ts';
import type { Sighting } from './sighting.ts';

type Version = Readonly<{ track: string; version: number }>;

/** When the first alert named this version of a track: its swap, as far as is seen here. */
type Swap = Version & Readonly<{ atMs: number }>;

/** What it saw when it opened. */
export type BreakerCounts = Readonly<{ flaggedPods: number; pods: number; workloads: number; withinMs: number }>;

/** What it knows: it survives restarts. */
export type Breaker = Readonly<{
  /** The latest of each track. */
  swaps: readonly Swap[];
  /** Why nothing is done any more; null while it is closed. */
  open: (Version & Readonly<{ atMs: number; why: string; counts?: BreakerCounts | undefined }>) | null;
  /** Alerts before this moment were looked at by an operator. */
  resumedAtMs: number;
}>;

export const closedBreaker: Breaker = { swaps: [], open: null, resumedAtMs: 0 };

/** A share of so few pods says nothing. */
const podsMin = 3;

/**
 * Looks at what alerts the version of each track raised since its swap: more workloads, or a larger share of pods, than
 * the policy allows within so long of it open the breaker. Its swap is its first alert here: a model that was quiet for a day
 * is watched from then on. `pods`: of the whole cluster.
 */
export function watchBreaker(
  breaker: Breaker,
  sightings: readonly Sighting[],
  pods: number,
  limits: BreakerLimits,
  nowMs: number,
): Breaker {
  const swaps = swapsOf(breaker.swaps, sightings, nowMs);
  const known = { ...breaker, swaps };
  if (breaker.open !== null) return known;
  for (const { track, version, atMs } of swaps) {
    const flagged = sightings.filter((one) => {
      const at = Math.min(one.atMs, nowMs);
      if (one.track !== track || one.modelVersion !== version) return false;
      return at >= atMs && at > breaker.resumedAtMs && at <= atMs + limits.withinMs;
    });
    const workloads = new Set(flagged.map((one) => `${one.namespace}/${one.workload}`)).size;
    const flaggedPods = new Set(flagged.map((one) => `${one.namespace}/${one.pod}`)).size;
    const share = flaggedPods / Math.max(pods, flaggedPods, 1);
    const isTooMuch = workloads > limits.workloadsMax || (flaggedPods >= podsMin && share > limits.podShareMax);
    if (!isTooMuch) continue;
    const why =
      `${track}@${version} flagged ${flaggedPods} of ${pods} pods in ${workloads} workload(s) within ` +
      `${Math.round(limits.withinMs / 60_000)} min of its swap`;
    return {
      ...known,
      open: { track, version, atMs: nowMs, why, counts: { flaggedPods, pods, workloads, withinMs: limits.withinMs } },
    };
  }
  return known;
}

/** An operator has looked: from now on it counts anew. */
export function resumed(breaker: Breaker, nowMs: number): Breaker {
  return { ...breaker, open: null, resumedAtMs: nowMs };
}

function swapsOf(swaps: readonly Swap[], sightings: readonly Sighting[], nowMs: number): readonly Swap[] {
  const latest = new Map(swaps.map((swap) => [swap.track, swap]));
  for (const { track, modelVersion, atMs } of [...sightings].sort((a, b) => a.atMs - b.atMs)) {
    const before = latest.get(track);
    const at = Math.min(atMs, nowMs);
    // An older alert that comes late does not bring its version back.
    if (before !== undefined && (before.version === modelVersion || at < before.atMs)) continue;
    latest.set(track, { track, version: modelVersion, atMs: at });
  }
  return [...latest.values()];
}
