import { seededStream } from '../../base/random.ts';
import { makeAntibody } from '../../client/antibodies/make-antibody.ts';
import { contentKey, isBenign, type Trace } from '../../client/events/trace.ts';
import type { Antibody } from '../../proto/antibody.ts';
import { parseClusterId, parseFederationId, parseTrackId } from '../../proto/ids.ts';
import type { Cluster, Herd } from './herd.ts';

/** One family as one cluster confirmed it. */
export type Confirmed = Readonly<{
  antibody: Antibody;
  family: string;
  /** Occasions that it was made of: nothing else of them is judged. */
  occasions: ReadonlySet<string>;
}>;

/** Every family confirmed by one cluster of the herd, in at most `many` traces. The same seed draws the same. */
export function confirmedOnce(herd: Herd, many: number, seed: number): Confirmed[] {
  const random = seededStream(seed, `antibodies of ${many}`);
  const shuffled = <Item>(items: readonly Item[]) =>
    items
      .map((item) => ({ item, at: random() }))
      .sort((a, b) => a.at - b.at)
      .map(({ item }) => item);
  return herd.families.flatMap((family) => {
    const makers = shuffled(herd.clusters.filter((cluster) => hostileOf(cluster, family).length > 0));
    const [maker] = makers;
    if (maker === undefined) return [];
    const own = shuffled(hostileOf(maker, family)).slice(0, many);
    const antibody = antibodyOf(
      herd,
      maker,
      family,
      own.map(({ calls }) => calls),
    );
    return antibody === undefined ? [] : [{ antibody, family, occasions: new Set(own.map(herd.occasionOf)) }];
  });
}

export function antibodyOf(
  herd: Herd,
  maker: Cluster,
  family: string,
  confirmed: readonly Uint16Array[],
): Antibody | undefined {
  const head = {
    federation: parseFederationId('herd'),
    track: parseTrackId('syscall'),
    cluster: parseClusterId(maker.name),
    family: family.toLowerCase(),
    madeAtMs: 0,
    expiresAtMs: 1,
  };
  const normal = maker.normal.map(({ calls }) => calls);
  return makeAntibody(head, distinct(confirmed).map(herd.antigensOf), distinct(normal).map(herd.antigensOf));
}

function hostileOf({ unseen }: Cluster, family: string): Trace[] {
  return unseen.filter((trace) => !isBenign(trace) && trace.family === family);
}

export function distinct(contents: readonly Uint16Array[]): Uint16Array[] {
  return [...new Map(contents.map((calls) => [contentKey(calls), calls])).values()];
}
