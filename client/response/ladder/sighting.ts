import type { Alert } from '../../scoring/alert.ts';

/** One alert of one pod, as the ladder sees it. */
export type Sighting = Readonly<{
  /** The alert's. */
  id: string;
  atMs: number;
  track: string;
  modelVersion: number;
  namespace: string;
  workload: string;
  /** The pod's name; of which pod of that name, its times say. */
  pod: string;
  score: number;
  threshold: number;
  /** The same for people. */
  text: string;
}>;

/** Characters of an alert's text that are kept: a longer one counts as any other. */
const textMax = 10_000;

export function sightingOf({ id, at, track, modelVersion, score, threshold, text, subject }: Alert): Sighting {
  const { namespace, workload, pod } = subject;
  const short = text.slice(0, textMax);
  return { id, atMs: Date.parse(at), track, modelVersion, namespace, workload, pod, score, threshold, text: short };
}

/** Alerts of one track of one pod that are closer than this speak of the same thing. */
const apartMs = 60_000;

/**
 * Of one pod's alerts those within the window that speak for themselves: each once, and of one track none that follows
 * another within a minute. One that claims to come from the future is taken as of now. Oldest first.
 */
export function independent(sightings: readonly Sighting[], windowMs: number, nowMs: number): readonly Sighting[] {
  const kept: Sighting[] = [];
  const last = new Map<string, number>();
  const known = new Set<string>();
  const at = (sighting: Sighting) => Math.min(sighting.atMs, nowMs);
  for (const sighting of [...sightings].sort((a, b) => at(a) - at(b))) {
    const atMs = at(sighting);
    if (atMs <= nowMs - windowMs || known.has(sighting.id)) continue;
    known.add(sighting.id);
    if (atMs - (last.get(sighting.track) ?? Number.NEGATIVE_INFINITY) < apartMs) continue;
    last.set(sighting.track, atMs);
    kept.push(sighting);
  }
  return kept;
}

/** After so long an alert counts half. */
const halfLifeMs = 30 * 60_000;
/** One alert, however loud, is no more than two. */
const strengthMax = 2;

/**
 * How suspect a pod is, for the order in which pods are looked at: each independent alert counts 1 at its threshold, at
 * most 2, and half as much half an hour later. It decides on nothing: what is enough is counted (false-alarms.ts).
 */
export function riskOf(sightings: readonly Sighting[], nowMs: number): number {
  let risk = 0;
  for (const sighting of independent(sightings, 48 * halfLifeMs, nowMs)) {
    risk += strengthOf(sighting) * left(nowMs - sighting.atMs);
  }
  return risk;
}

/**
 * How one pod's risk rose, alert by alert in the order in which they were heard: what rotation shortens its lifetime by. More
 * alerts add steps and change none: rotation's log has said the earlier ones. One that was heard late counts from then on.
 */
export function riskSteps(heard: readonly Sighting[]): readonly Readonly<{ atMs: number; risk: number }>[] {
  const steps: { atMs: number; risk: number }[] = [];
  const last = new Map<string, number>();
  let before = { atMs: Number.NEGATIVE_INFINITY, risk: 0 };
  for (const sighting of heard) {
    const atMs = Math.max(before.atMs, sighting.atMs);
    if (atMs - (last.get(sighting.track) ?? Number.NEGATIVE_INFINITY) < apartMs) continue;
    last.set(sighting.track, atMs);
    before = { atMs, risk: before.risk * left(atMs - before.atMs) + strengthOf(sighting) };
    steps.push(before);
  }
  return steps;
}

function strengthOf({ score, threshold }: Sighting): number {
  return Math.min(strengthMax, threshold > 0 && score >= threshold ? score / threshold : 1);
}

/** The share of an alert that is left after a time. */
function left(ms: number): number {
  return 2 ** (-Math.max(0, ms) / halfLifeMs);
}
