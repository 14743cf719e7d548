import { isBenign, type Trace } from '../../client/events/trace.ts';
import type { Partitioned } from '../../lab/data/partition.ts';

/** Who plays what in the release story. */
export type ReleaseCast = Readonly<{
  canaries: readonly string[];
  pinned: string;
  /** By canary: normal traces of its own services that nobody has learnt from. */
  traffic: ReadonlyMap<string, readonly Trace[]>;
  /** By canary: attacks on its own services. */
  attacks: ReadonlyMap<string, readonly Trace[]>;
}>;

/** Enough to tell a good version from a broken one, and few enough for a demonstration. */
const trafficMax = 120;
const trafficMin = 20;
const attacksMax = 30;

/**
 * Honest clusters that have unseen traffic of their own, two or as many as the gate wants when `f` may lie, and one more to
 * be pinned. undefined where the data have no
 * such clusters: the story is then left out.
 */
export function castReleases(
  clusters: Partitioned<Trace>,
  hostile: readonly string[],
  unseen: readonly Trace[],
  f: number,
): ReleaseCast | undefined {
  const honest = [...clusters.keys()].filter((name) => !hostile.includes(name));
  const own = (name: string, benign: boolean) => {
    const services = new Set((clusters.get(name) ?? []).map(({ service }) => service));
    return unseen.filter((trace) => services.has(trace.service) && isBenign(trace) === benign);
  };
  const canaryCount = Math.max(2, f + 1);
  const traffic = new Map(honest.map((name) => [name, own(name, true).slice(0, trafficMax)]));
  const canaries = honest.filter((name) => (traffic.get(name)?.length ?? 0) >= trafficMin).slice(0, canaryCount);
  const pinned = honest.findLast((name) => !canaries.includes(name));
  if (canaries.length < canaryCount || pinned === undefined) return undefined;
  return {
    canaries,
    pinned,
    traffic: new Map(canaries.map((name) => [name, traffic.get(name) ?? []])),
    attacks: new Map(canaries.map((name) => [name, own(name, false).slice(0, attacksMax)])),
  };
}
