/** Of the scores of normal chains, those that the tail's slope is taken from. */
const tailShare = 0.05;

/** How rare a surprisal is among normal ones, as −ln of the share that is as high; beyond them by an exponential tail. */
export class Calibration {
  readonly #sorted: Float64Array;
  readonly #scale: number;

  constructor(normal: Iterable<number>) {
    this.#sorted = Float64Array.from(normal).sort();
    const n = this.#sorted.length;
    const from = Math.min(n - 1, Math.floor(n * (1 - tailShare)));
    let excess = 0;
    for (let at = from; at < n; at++) excess += (this.#sorted[at] as number) - (this.#sorted[from] as number);
    this.#scale = Math.max(0.5, n === 0 ? 1 : excess / Math.max(1, n - from));
  }

  /** In nats; the score itself where nothing was calibrated. */
  rarity(score: number): number {
    const n = this.#sorted.length;
    if (n === 0) return score;
    let [low, high] = [0, n];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#sorted[middle] as number) < score) low = middle + 1;
      else high = middle;
    }
    if (low < n) return -Math.log((n - low + 0.5) / (n + 1));
    return Math.log(n + 1) + Math.log(2) + Math.log1p((score - (this.#sorted[n - 1] as number)) / this.#scale);
  }
}
