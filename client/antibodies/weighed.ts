import type { Antibody } from '../../proto/antibody.ts';
import { logRatio } from './log-ratio.ts';
import { countsOf } from './make-antibody.ts';

/**
 * Antibodies weighed against what is normal for one workload: how much each feature of an example speaks for each of them. One look
 * at a feature serves all antibodies: what they do not know weighs the same for equally common features, and is added up by
 * how common they are.
 */
export class Weighed {
  readonly #antibodies: readonly Antibody[];
  readonly #examples: number;
  /** In how many of the workload's examples a feature is. */
  readonly #counts: ReadonlyMap<number, number>;
  readonly #shares: readonly ReadonlyMap<number, number>[];
  readonly #table: FeatureTable;
  /** Antibody by antibody: nats of a feature that it does not know, by the feature's count. Shape [examples + 1]. */
  readonly #unknown: readonly Float64Array[];
  /** What an antibody knows of a feature: whose, and by how many nats that differs from `#unknown`. */
  readonly #whose: Uint16Array;
  readonly #nats: Float64Array;
  readonly #histogram: Uint32Array;

  /** normal: features of the workload's normal examples. */
  constructor(antibodies: readonly Antibody[], normal: readonly Uint32Array[]) {
    this.#antibodies = antibodies;
    this.#examples = normal.length;
    this.#counts = countsOf(normal);
    this.#shares = antibodies.map(sharesOf);
    this.#histogram = new Uint32Array(normal.length + 1);
    this.#unknown = antibodies.map((_, which) =>
      Float64Array.from(this.#histogram, (_, count) => this.#ratio(which, 0, count, 0)),
    );
    const known = new Map<number, { whose: number; nats: number }[]>();
    for (const [whose, shares] of this.#shares.entries()) {
      for (const [feature, share] of shares) {
        const count = this.#counts.get(feature) ?? 0;
        const nats = this.#ratio(whose, share, count, 0) - (this.#unknown[whose]?.[count] ?? 0);
        const others = known.get(feature);
        if (others === undefined) known.set(feature, [{ whose, nats }]);
        else others.push({ whose, nats });
      }
    }
    const features = new Set([...this.#counts.keys(), ...known.keys()]);
    this.#table = new FeatureTable(features.size);
    const all: { whose: number; nats: number }[] = [];
    for (const feature of features) {
      const from = all.length;
      all.push(...(known.get(feature) ?? []));
      this.#table.set(feature, { count: this.#counts.get(feature) ?? 0, from, to: all.length });
    }
    this.#whose = Uint16Array.from(all, ({ whose }) => whose);
    this.#nats = Float64Array.from(all, ({ nats }) => nats);
  }

  /**
   * How much an example speaks for each antibody: the sum of its features' nats over a power of their number, so that long and
   * short examples compare. Shape [antibodies].
   */
  scores(features: Uint32Array): Float64Array {
    const sums = new Float64Array(this.#antibodies.length);
    if (features.length === 0) return sums;
    this.#histogram.fill(0);
    for (const feature of features) {
      const at = this.#table.find(feature);
      if (at < 0) continue; // Neither side ever had it: it says nothing.
      const count = this.#table.counts[at] as number;
      this.#histogram[count] = (this.#histogram[count] as number) + 1;
      const to = this.#table.to[at] as number;
      for (let one = this.#table.from[at] as number; one < to; one++) {
        const whose = this.#whose[one] as number;
        sums[whose] = (sums[whose] as number) + (this.#nats[one] as number);
      }
    }
    for (let count = 0; count < this.#histogram.length; count++) {
      const times = this.#histogram[count] as number;
      if (times === 0) continue;
      for (let which = 0; which < sums.length; which++) {
        sums[which] = (sums[which] as number) + times * ((this.#unknown[which] as Float64Array)[count] as number);
      }
    }
    return sums.map((sum) => comparable(sum, features.length));
  }

  /** As `scores` for one antibody and one of the workload's own examples, as if that example had not been learnt. */
  scoreWithout(which: number, own: Uint32Array): number {
    let sum = 0;
    for (const feature of own) sum += this.nats(which, feature, 1);
    return comparable(sum, own.length);
  }

  /** The score of an example that has each of an antibody's features in its share. */
  expected(which: number): number {
    let sum = 0;
    let features = 0;
    for (const [feature, share] of this.#shares[which] ?? []) {
      sum += share * this.nats(which, feature);
      features += share;
    }
    return comparable(sum, features);
  }

  /** What a feature says for an antibody; `own`: 1 where the feature is of an example that is not to count. */
  nats(which: number, feature: number, own: 0 | 1 = 0): number {
    const share = this.#shares[which]?.get(feature) ?? 0;
    return this.#ratio(which, share, (this.#counts.get(feature) ?? 0) - own, own);
  }

  /** Without this antibody and without normal examples that have it, a feature says nothing. */
  #ratio(which: number, share: number, count: number, own: 0 | 1): number {
    if (share === 0 && count <= 0) return 0;
    const { examples } = this.#antibodies[which] as Antibody;
    return logRatio({ count: share * examples, of: examples }, { count, of: this.#examples - own });
  }
}

/**
 * A sum of so many features' nats as one of a single feature. The root of their number is for independent features and their number
 * for ones that all say the same; runs of calls, each within the next longer one, are between.
 */
function comparable(sum: number, features: number): number {
  return features === 0 ? 0 : sum / features ** 0.7;
}

function sharesOf({ features, shares }: Antibody): ReadonlyMap<number, number> {
  return new Map(Array.from(features, (feature, at) => [feature, (shares[at] as number) / 255]));
}

/** Features and what is known of each, by open addressing. */
class FeatureTable {
  readonly counts: Uint32Array;
  readonly from: Uint32Array;
  readonly to: Uint32Array;
  readonly #keys: Uint32Array;
  readonly #taken: Uint8Array;
  readonly #mask: number;

  constructor(features: number) {
    const size = 1 << (32 - Math.clz32(Math.max(1, features) * 2));
    this.#mask = size - 1;
    this.#keys = new Uint32Array(size);
    this.#taken = new Uint8Array(size);
    this.counts = new Uint32Array(size);
    this.from = new Uint32Array(size);
    this.to = new Uint32Array(size);
  }

  /** Where a feature stands; -1 where it does not. */
  find(feature: number): number {
    let at = feature & this.#mask;
    while (this.#taken[at] === 1) {
      if (this.#keys[at] === feature) return at;
      at = (at + 1) & this.#mask;
    }
    return -1;
  }

  /** Each feature once. */
  set(feature: number, { count, from, to }: Readonly<{ count: number; from: number; to: number }>): void {
    let at = feature & this.#mask;
    while (this.#taken[at] === 1) at = (at + 1) & this.#mask;
    this.#taken[at] = 1;
    this.#keys[at] = feature;
    this.counts[at] = count;
    this.from[at] = from;
    this.to[at] = to;
  }
}
