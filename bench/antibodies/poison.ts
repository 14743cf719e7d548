import type { Antibody } from '../../proto/antibody.ts';
import { featuresMax } from '../../proto/antibody.ts';
import { antibodyOf, type Confirmed, distinct } from './catalogue.ts';
import type { Cluster, Herd } from './herd.ts';

export const poisons = ['flag everything', 'flag the commonest', "flag a rival's normal", 'mimic'] as const;
export type Poison = (typeof poisons)[number];

/**
 * What hostile clusters offer. Everything: whatever anybody's normal traces hold. The commonest: as much of that as clusters let through as
 * an example's features. A rival's normal: what one cluster does, said of an attack. Mimic: a true antibody with a rival's normal features
 * beside its own.
 */
export function poisoned(
  herd: Herd,
  hostile: readonly Cluster[],
  confirmed: readonly Confirmed[],
  poison: Poison,
): Antibody[] {
  return hostile.flatMap((liar, at) => {
    const honest = herd.clusters.filter((cluster) => !hostile.includes(cluster));
    const victim = honest[at % honest.length] as Cluster;
    const model = confirmed[at % confirmed.length]?.antibody as Antibody;
    const named = { ...model, family: `poison-${at}`, examples: 20 };
    const some = (cluster: Cluster, many: number) => distinct(cluster.normal.map(({ calls }) => calls)).slice(0, many);
    if (poison === "flag a rival's normal") return antibodyOf(herd, liar, named.family, some(victim, 20)) ?? [];
    const contents = poison === 'mimic' ? some(victim, 5) : honest.flatMap((cluster) => some(cluster, 10));
    const told = contents.flatMap((calls) => [...herd.antigensOf(calls)]);
    const features = new Set(poison === 'flag the commonest' ? commonest(told) : told);
    if (poison === 'mimic') for (const feature of model.features) features.add(feature);
    const kept = Uint32Array.from([...features].slice(0, featuresMax)).sort();
    return { ...named, features: kept, shares: new Uint8Array(kept.length).fill(255) };
  });
}

/** Below three times what nineteen of twenty normal traces have in every recorded cluster. */
const letThrough = 1_900;

function commonest(told: readonly number[]): number[] {
  const counts = [...Map.groupBy(told, (feature) => feature)].map(([feature, all]) => ({ feature, count: all.length }));
  return counts
    .sort((a, b) => b.count - a.count || a.feature - b.feature)
    .slice(0, letThrough)
    .map(({ feature }) => feature);
}
