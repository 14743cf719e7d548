import { isBenign, type Trace } from '../../client/events/trace.ts';
import { areaUnderRoc } from '../../client/tracks/metrics.ts';
import type { TableCluster, TableWorld } from './table-world.ts';

/** The family of attacks that liars want to pass. */
export const family = 'reverse_shell';

/**
 * `found`: whether each of the family's judged traces in the attacked classes is found at one false alarm in twenty. `rare`: how the
 * class that fewest honest clusters have is told from attacks on it, also an area under the curve.
 */
export type Judged = Readonly<{ auc: number; recall: number; found: readonly boolean[]; rare: number }>;

/** How scores of the judged traces tell attacks from normal work in the honest clusters' classes; the first f clusters lie. */
export function judgedBy(
  { judged, clusters, names }: Pick<TableWorld, 'judged' | 'clusters' | 'names'>,
  f: number,
  scores: readonly number[],
): Judged {
  const honest = new Set(clusters.slice(f).flatMap(({ classes }) => classes));
  const pick = (wanted: (at: number) => boolean) =>
    scores.filter((_, at) => honest.has(judged[at]?.service ?? '') && wanted(at));
  const benign = (at: number) => isBenign(judged[at] as Trace);
  const normal = pick(benign).sort((a, b) => a - b);
  const threshold = normal[Math.floor(0.95 * normal.length)] as number;
  const attacked = new Set(clusters.slice(0, f).flatMap(({ classes }) => classes));
  const found = judged.flatMap((trace, at) =>
    trace.family === family && attacked.has(trace.service) ? [(scores[at] as number) > threshold] : [],
  );
  const ofFamily = judged.flatMap((trace, at) => (trace.family === family ? [(scores[at] as number) > threshold] : []));
  const rarest = rareClass(names, clusters.slice(f));
  const isRare = (at: number) => judged[at]?.service === rarest;
  return {
    auc: areaUnderRoc(normal, pick((at) => !benign(at))), // biome-ignore format: one line
    rare: areaUnderRoc(pick((at) => isRare(at) && benign(at)), pick((at) => isRare(at) && !benign(at))), // biome-ignore format: one line
    recall: ofFamily.filter(Boolean).length / ofFamily.length,
    found,
  };
}

/** Of the family: how many traces are found while liars are silent, and how many of these pass now. */
export type Passes = Readonly<{ found: number; pass: number }>;

/** The first `leftOut` traces do not count. */
export function passesOf(silent: Judged, now: Judged, leftOut = 0): Passes {
  const found = silent.found.slice(leftOut).filter(Boolean).length;
  const pass = silent.found.filter((each, at) => at >= leftOut && each && !now.found[at]).length;
  return { found, pass };
}

export function shareOf({ found, pass }: Passes): number {
  return pass / Math.max(1, found);
}

/** The class that fewest of these clusters have, if any has it. */
export function rareClass(names: readonly string[], clusters: readonly Pick<TableCluster, 'classes'>[]): string {
  const held = (name: string) =>
    clusters.filter(({ classes }) => classes.includes(name)).length || Number.POSITIVE_INFINITY;
  return names.toSorted((a, b) => held(a) - held(b) || (a < b ? -1 : 1))[0] as string;
}
