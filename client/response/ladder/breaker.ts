import { createHash } from 'node:crypto';
import type { BreakerLimits } from '../../../proto/response-policy.ts';
import type { Sighting } from './sighting.ts';

type Version = Readonly<{ track: string; version: number }>;

/** A pod that a version flagged within the time that counts. Digests: they tell pods and workloads apart, and name none. */
export type Flagged = Readonly<{ atMs: number; workload: string; pod: string }>;

/** When a version of a track began to run, and whom it has flagged since. */
export type Swap = Version & Readonly<{ atMs: number; flagged?: readonly Flagged[] | undefined }>;

/** What a track runs, and since when, as the cluster's hub says it. */
export type Running = Version & Readonly<{ sinceMs: number }>;

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

/** Pods of one swap that are kept in mind over restarts; alerts that are still known count beside them. */
export const flaggedMax = 256;

/**
 * Looks at what alerts the version of each track raised since its swap: more workloads, or a larger share of pods, than
 * the policy allows within so long of it open the breaker. When a version was swapped in `running` says; of a track that is
 * not in it, and of a version newer than it says, the version's first alert here does. Who was flagged is kept, so it counts
 * whether or not the alerts themselves are still known. `pods`: of the whole cluster.
 */
export function watchBreaker(
  breaker: Breaker,
  sightings: readonly Sighting[],
  pods: number,
  limits: BreakerLimits,
  nowMs: number,
  running: readonly Running[] = [],
): Breaker {
  const swaps = swapsOf(breaker.swaps, sightings, running, nowMs);
  const known = { ...breaker, swaps };
  if (breaker.open !== null) return known;
  const counted: Swap[] = [];
  let open: Breaker['open'] = null;
  for (const swap of swaps) {
    const flagged = flaggedSince(swap, sightings, breaker.resumedAtMs, limits.withinMs, nowMs);
    counted.push(withFlagged(swap, flagged));
    // A share is of the pods that there were: long after, who was counted already opens nothing because others are gone.
    const isNews = flagged.length > (swap.flagged?.length ?? 0) || nowMs <= swap.atMs + 2 * limits.withinMs;
    if (isNews) open ??= openedBy(swap, flagged, pods, limits, nowMs);
  }
  return { ...known, swaps: counted, open };
}

/** An operator has looked at what there was at that moment: what came after it still counts. */
export function resumed({ swaps, open, resumedAtMs: before }: Breaker, lookedAtMs: number): Breaker {
  const resumedAtMs = Math.max(before, lookedAtMs);
  const isOpen = open !== null && open.atMs > resumedAtMs;
  return { swaps: joinedSwaps(swaps, [], resumedAtMs), open: isOpen ? open : null, resumedAtMs };
}

/** Of swaps that two leaders wrote down the latest of each track, with whom either saw flagged; in any order the same. */
export function joinedSwaps(one: readonly Swap[], other: readonly Swap[], resumedAtMs: number): readonly Swap[] {
  const latest = new Map<string, Swap>();
  for (const swap of [...one, ...other]) {
    const known = latest.get(swap.track);
    if (known?.version === swap.version) {
      const flagged = distinct([...(known.flagged ?? []), ...(swap.flagged ?? [])]);
      latest.set(swap.track, withFlagged({ ...known, atMs: Math.min(known.atMs, swap.atMs) }, flagged));
    } else if (known === undefined || known.atMs < swap.atMs) latest.set(swap.track, swap);
  }
  return [...latest.values()].map((swap) =>
    withFlagged(
      swap,
      (swap.flagged ?? []).filter(({ atMs }) => atMs > resumedAtMs),
    ),
  );
}

function openedBy(
  { track, version }: Swap,
  flagged: readonly Flagged[],
  pods: number,
  { withinMs, workloadsMax, podShareMax }: BreakerLimits,
  nowMs: number,
): Breaker['open'] {
  const workloads = new Set(flagged.map(({ workload }) => workload)).size;
  const flaggedPods = flagged.length;
  const share = flaggedPods / Math.max(pods, flaggedPods, 1);
  if (workloads <= workloadsMax && (flaggedPods < podsMin || share <= podShareMax)) return null;
  const why =
    `${track}@${version} flagged ${flaggedPods} of ${pods} pods in ${workloads} workload(s) within ` +
    `${Math.round(withinMs / 60_000)} min of its swap`;
  return { track, version, atMs: nowMs, why, counts: { flaggedPods, pods, workloads, withinMs } };
}

/** All that the version flagged within so long of its swap and after an operator's word: each pod once, the earliest first. */
function flaggedSince(
  { track, version, atMs, flagged = [] }: Swap,
  sightings: readonly Sighting[],
  resumedAtMs: number,
  withinMs: number,
  nowMs: number,
): readonly Flagged[] {
  const counts = (at: number) => at >= atMs && at > resumedAtMs && at <= atMs + withinMs;
  // By name first: a digest for each of many alerts of one pod would be work for nothing.
  const first = new Map<string, Readonly<{ atMs: number; sighting: Sighting }>>();
  for (const sighting of sightings) {
    const at = Math.min(sighting.atMs, nowMs);
    if (sighting.track !== track || sighting.modelVersion !== version || !counts(at)) continue;
    const key = JSON.stringify([sighting.namespace, sighting.workload, sighting.pod]);
    if (at < (first.get(key)?.atMs ?? Number.POSITIVE_INFINITY)) first.set(key, { atMs: at, sighting });
  }
  const heard = [...first.values()].map(({ atMs: at, sighting: { namespace, workload, pod } }) => ({
    ...{ atMs: at, workload: digestOf(namespace, workload), pod: digestOf(namespace, pod) },
  }));
  return distinct([...flagged.filter((one) => counts(one.atMs)), ...heard]);
}

/** The earliest of each pod, in the order of time. */
function distinct(all: readonly Flagged[]): readonly Flagged[] {
  const earliest = new Map<string, Flagged>();
  for (const one of all) {
    const key = `${one.workload} ${one.pod}`;
    if (one.atMs < (earliest.get(key)?.atMs ?? Number.POSITIVE_INFINITY)) earliest.set(key, one);
  }
  const textOf = ({ workload, pod }: Flagged) => `${workload} ${pod}`;
  return [...earliest.values()].sort((a, b) => a.atMs - b.atMs || (textOf(a) < textOf(b) ? -1 : 1));
}

function withFlagged({ track, version, atMs }: Swap, flagged: readonly Flagged[]): Swap {
  const swap = { track, version, atMs };
  return flagged.length === 0 ? swap : { ...swap, flagged: flagged.slice(0, flaggedMax) };
}

function digestOf(namespace: string, name: string): string {
  return createHash('sha256')
    .update(JSON.stringify([namespace, name]))
    .digest('hex')
    .slice(0, 12);
}

function swapsOf(
  swaps: readonly Swap[],
  sightings: readonly Sighting[],
  running: readonly Running[],
  nowMs: number,
): readonly Swap[] {
  const latest = new Map(swaps.map((swap) => [swap.track, swap]));
  for (const { track, version, sinceMs } of running) {
    const atMs = Math.min(sinceMs, nowMs);
    const before = latest.get(track);
    // A hub that began anew says since when it runs itself: whoever knew the version before knows better.
    if (before?.version === version) latest.set(track, { ...before, atMs: Math.min(before.atMs, atMs) });
    // Sensors may run a newer one that their hub could not load.
    else if (before === undefined || before.version < version || before.atMs < atMs)
      latest.set(track, { track, version, atMs });
  }
  const told = new Map(running.map(({ track, version }) => [track, version]));
  for (const { track, modelVersion, atMs } of [...sightings].sort((a, b) => a.atMs - b.atMs)) {
    // A sensor that still runs the version before swaps nothing back; of one that is ahead of its hub nobody else tells.
    if (modelVersion <= (told.get(track) ?? Number.NEGATIVE_INFINITY)) continue;
    const before = latest.get(track);
    const at = Math.min(atMs, nowMs);
    // An older alert that comes late does not bring its version back.
    if (before !== undefined && (before.version === modelVersion || at < before.atMs)) continue;
    latest.set(track, { track, version: modelVersion, atMs: at });
  }
  return [...latest.values()];
}
