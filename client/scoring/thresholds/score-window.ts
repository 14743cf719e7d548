/** The latest scores, in order of arrival and in order of size: quantiles are looked up, not sorted for each time. */
export class ScoreWindow {
  readonly #ring: Float64Array;
  readonly #sorted: Float64Array;
  #next = 0;
  #length = 0;

  constructor(lengthMax: number) {
    this.#ring = new Float64Array(lengthMax);
    this.#sorted = new Float64Array(lengthMax);
  }

  get length(): number {
    return this.#length;
  }

  /** In a full window it takes the place of the oldest. What is not a number is left out: it has no place in an order. */
  push(score: number): void {
    if (Number.isNaN(score)) return;
    if (this.#length === this.#ring.length) this.#remove(this.#ring[this.#next] as number);
    const at = this.#placeOf(score);
    this.#sorted.copyWithin(at + 1, at, this.#length);
    this.#sorted[at] = score;
    this.#length += 1;
    this.#ring[this.#next] = score;
    this.#next = (this.#next + 1) % this.#ring.length;
  }

  /** The value below which a share of the values lies; the greatest where the share is finer than their number. */
  quantile(share: number): number {
    if (this.#length === 0) return Number.POSITIVE_INFINITY;
    return this.#sorted[Math.min(this.#length - 1, Math.floor(share * this.#length))] as number;
  }

  /** How many values are below this one. */
  below(value: number): number {
    return this.#placeOf(value);
  }

  /** In order of size, the smallest at 0; undefined outside. */
  at(place: number): number | undefined {
    return place >= 0 && place < this.#length ? this.#sorted[place] : undefined;
  }

  /** Mean + k standard deviations. */
  deviation(k: number): number {
    const values = this.#sorted.subarray(0, this.#length);
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
    return mean + k * Math.sqrt(variance);
  }

  /** The newest `count` scores, newest first; fewer where there are fewer. */
  latest(count: number): number[] {
    const size = this.#ring.length;
    return Array.from(
      { length: Math.min(count, this.#length) },
      (_, back) => this.#ring[(this.#next - 1 - back + size) % size] as number,
    );
  }

  #remove(score: number): void {
    const at = this.#placeOf(score);
    this.#sorted.copyWithin(at, at + 1, this.#length);
    this.#length -= 1;
  }

  /** Where the first value that is not below this one stands. */
  #placeOf(score: number): number {
    let [low, high] = [0, this.#length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#sorted[middle] as number) < score) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
