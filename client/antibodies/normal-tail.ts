/** Shares of normal scores that a tail is read at, greatest first. */
const shares = [0.5, 0.25, 0.1, 0.05, 0.02, 0.01] as const;

type Knot = Readonly<{ score: number; nats: number }>;

/**
 * How unusual a score is among those of normal examples: −ln(2p), nats, p the share of them that score as high. 0 at their median and
 * below; linear between the shares that so many examples can show, and beyond the rarest of them as of an exponential tail.
 */
export class NormalTail {
  readonly #knots: readonly Knot[];
  /** Scores for each nat beyond the last knot. */
  readonly #scale: number;

  /** normal: at least one score, in any order. scaleMin: scores that differ by less for each nat of the tail do not differ. */
  constructor(normal: readonly number[], scaleMin: number) {
    const sorted = Float64Array.from(normal).sort();
    const shown = shares.filter((share) => share >= 0.1 || share * (sorted.length + 1) >= 1);
    const knots: Knot[] = [];
    for (const share of shown) {
      const score = quantile(sorted, 1 - share);
      // Of shares that the same score has the greatest is true.
      if (score !== knots.at(-1)?.score) knots.push({ score, nats: natsOf(share) });
    }
    this.#knots = knots;
    const rarest = shown.at(-1) as number;
    const tail = quantile(sorted, 1 - rarest) - quantile(sorted, 1 - tailFrom);
    this.#scale = Math.max(scaleMin, tail / Math.max(shortTail, natsOf(rarest) - natsOf(tailFrom)));
  }

  nats(score: number): number {
    let before = this.#knots[0] as Knot;
    if (score <= before.score) return 0;
    for (const knot of this.#knots) {
      if (score <= knot.score) {
        const way = (score - before.score) / (knot.score - before.score);
        return before.nats + way * (knot.nats - before.nats);
      }
      before = knot;
    }
    return before.nats + (score - before.score) / this.#scale;
  }
}

/** Where the tail begins whose slope is prolonged, and the nats that it is taken to span where few examples show less. */
const tailFrom = 0.1;
const shortTail = 0.7;

function natsOf(share: number): number {
  return -Math.log(2 * share);
}

/** Below which a share of ascending values lies. */
export function quantile(sorted: ArrayLike<number>, share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] as number;
}
