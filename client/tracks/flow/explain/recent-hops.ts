import type { Hop } from './movement-path.ts';

/** The latest suspicious edges of a cluster, for the paths of alarms to come. Bounded: the oldest make room. */
export class RecentHops {
  readonly #countMax: number;
  /** In the order in which they were last seen. */
  readonly #hops = new Map<string, Hop>();

  constructor(countMax = 2_000) {
    this.#countMax = countMax;
  }

  /** The same edge again lengthens its time and keeps its highest score. */
  add(hop: Hop): void {
    const key = `${hop.client}\n${hop.server}\n${hop.service}`;
    const known = this.#hops.get(key);
    this.#hops.delete(key);
    this.#hops.set(
      key,
      known === undefined
        ? hop
        : {
            ...hop,
            firstMs: Math.min(known.firstMs, hop.firstMs),
            lastMs: Math.max(known.lastMs, hop.lastMs),
            score: Math.max(known.score, hop.score),
          },
    );
    for (const oldest of this.#hops.keys()) {
      if (this.#hops.size <= this.#countMax) break;
      this.#hops.delete(oldest);
    }
  }

  all(): Hop[] {
    return [...this.#hops.values()];
  }
}
