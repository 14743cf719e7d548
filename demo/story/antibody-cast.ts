import { contentKey, isBenign, type Trace } from '../../client/events/trace.ts';
import type { Partitioned } from '../../lab/data/partition.ts';
import type { ReleaseCast } from './release-cast.ts';

/** Who plays what in the antibodies' story. */
export type AntibodyCast = Readonly<{
  /** As an antibody names it. */
  family: string;
  /** Where it is seen first and confirmed, and its traces there. */
  maker: string;
  seen: readonly Trace[];
  /** Where it comes later, and other traces of it there. */
  finder: string;
  later: readonly Trace[];
  /** Who poisons the catalogue, and the finder's normal traces that he calls an attack. */
  liar: string;
  poison: readonly Trace[];
  /** Of maker and finder, a trace that each has learnt. */
  usual: ReadonlyMap<string, Trace>;
}>;

/** Traces that an antibody is made of and that are looked for later: fewer say nothing, more take their time. */
const tracesMin = 4;
const tracesMax = 12;
const poisonMax = 20;

/**
 * Two canaries that both see attacks of one family, of different contents: for each family those with the most traces, and the family with
 * the most first. The liar is hostile where anybody is, else the last cluster. Empty where no two canaries see the same attack.
 */
export function castAntibodies(
  { canaries }: Pick<ReleaseCast, 'canaries'>,
  clusters: Partitioned<Trace>,
  hostile: readonly string[],
  unseen: readonly Trace[],
): readonly AntibodyCast[] {
  const families = [...new Set(unseen.filter((trace) => !isBenign(trace)).map(({ family }) => family))].sort();
  const liar = hostile[0] ?? [...clusters.keys()].at(-1) ?? '';
  const pairs = canaries.flatMap((maker) => canaries.map((finder) => ({ maker, finder })));
  const strangers = pairs.filter(({ maker, finder }) => finder !== maker && finder !== liar);
  const casts = families.flatMap((family) => {
    let best: AntibodyCast | undefined;
    for (const { maker, finder } of strangers) {
      const seen = attacksOn(clusters.get(maker) ?? [], family, unseen).slice(0, tracesMax);
      const known = new Set(seen.map(({ calls }) => contentKey(calls)));
      const later = attacksOn(clusters.get(finder) ?? [], family, unseen)
        .filter(({ calls }) => !known.has(contentKey(calls)))
        .slice(0, tracesMax);
      if (Math.min(seen.length, later.length) <= Math.max(tracesMin - 1, fewest(best))) continue;
      const poison = busiest(clusters.get(finder) ?? []);
      const usual = new Map([maker, finder].map((name) => [name, clusters.get(name)?.[0] as Trace]));
      best = { family: nameOf(family), maker, seen, finder, later, liar, poison, usual };
    }
    return best ?? [];
  });
  return casts.sort((a, b) => fewest(b) - fewest(a));
}

function fewest(cast: Pick<AntibodyCast, 'seen' | 'later'> | undefined): number {
  return Math.min(cast?.seen.length ?? 0, cast?.later.length ?? 0);
}

/** Distinct attacks of a family on the services that a cluster runs; its own where the file names clusters. */
function attacksOn(own: readonly Trace[], family: string, unseen: readonly Trace[]): Trace[] {
  const services = new Set(own.map(({ service }) => service));
  const found = unseen.filter((trace) => !isBenign(trace) && trace.family === family && services.has(trace.service));
  return [...new Map(found.map((trace) => [contentKey(trace.calls), trace])).values()];
}

/** Distinct normal traces of the service that a cluster has the most of. */
function busiest(own: readonly Trace[]): Trace[] {
  const distinct = [...new Map(own.map((trace) => [contentKey(trace.calls), trace])).values()];
  const services = [...Map.groupBy(distinct, ({ service }) => service).values()].sort((a, b) => b.length - a.length);
  return (services[0] ?? []).slice(0, poisonMax);
}

function nameOf(family: string): string {
  return family
    .toLowerCase()
    .replace(/[^a-z0-9_-]/g, '_')
    .slice(0, 63);
}
