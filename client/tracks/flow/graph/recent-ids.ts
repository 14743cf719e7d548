/**
 * Ids that were seen lately: at least the last `keepMin`, at most twice as many. For leaving out what a source yields
 * twice: a ring buffer read again, a file read again, two sensors.
 */
export class RecentIds {
  readonly #keepMin: number;
  #newer = new Set<string>();
  #older = new Set<string>();

  constructor(keepMin: number) {
    this.#keepMin = keepMin;
  }

  /** Whether the id was there; it is now. */
  has(id: string): boolean {
    if (this.#newer.has(id) || this.#older.has(id)) return true;
    if (this.#newer.size >= this.#keepMin) {
      this.#older = this.#newer;
      this.#newer = new Set();
    }
    this.#newer.add(id);
    return false;
  }
}
