const initialSlots = 2 ** 15;
/** 24 MiB; beyond it nothing new is counted. */
const slotsMax = 2 ** 21;

/** Counts by 32-bit key, exact up to a bound: open addressing with linear probing, at most three quarters full. */
export class CountTable {
  #keys = new Uint32Array(initialSlots);
  #counts = new Float32Array(initialSlots);
  #used = 0;

  get size(): number {
    return this.#used;
  }

  get(key: number): number {
    const keys = this.#keys;
    const mask = keys.length - 1;
    const wanted = key === 0 ? 1 : key >>> 0;
    for (let at = wanted & mask; ; at = (at + 1) & mask) {
      const found = keys[at] as number;
      if (found === wanted) return this.#counts[at] as number;
      if (found === 0) return 0;
    }
  }

  forEach(visit: (key: number, count: number) => void): void {
    for (let at = 0; at < this.#keys.length; at++) {
      const key = this.#keys[at] as number;
      if (key !== 0) visit(key, this.#counts[at] as number);
    }
  }

  add(key: number, amount: number): void {
    const wanted = key === 0 ? 1 : key >>> 0;
    const mask = this.#keys.length - 1;
    for (let at = wanted & mask; ; at = (at + 1) & mask) {
      const found = this.#keys[at] as number;
      if (found === wanted) {
        this.#counts[at] = (this.#counts[at] as number) + amount;
        return;
      }
      if (found !== 0) continue;
      if (this.#used * 4 >= this.#keys.length * 3) {
        if (this.#keys.length >= slotsMax) return;
        this.#grow();
        this.add(key, amount);
        return;
      }
      this.#keys[at] = wanted;
      this.#counts[at] = amount;
      this.#used += 1;
      return;
    }
  }

  #grow(): void {
    const [keys, counts] = [this.#keys, this.#counts];
    this.#keys = new Uint32Array(keys.length * 2);
    this.#counts = new Float32Array(keys.length * 2);
    this.#used = 0;
    for (let at = 0; at < keys.length; at++) if (keys[at] !== 0) this.add(keys[at] as number, counts[at] as number);
  }
}

/** 8 MiB: a million pairs fill 3 % of it. */
const seenWords = 2 ** 21;

/** Which pairs were seen, in a bounded number of bits: a Bloom filter of two probes in one line of the cache (Putze et al., 2009). */
export class SeenPairs {
  readonly #bits = new Uint32Array(seenWords);

  /** Whether it is new; one in some hundred new ones is taken for old once a million are in. */
  add(hash: number): boolean {
    const mixed = Math.imul(hash, 0x9e3779b1) >>> 0;
    const word = (hash >>> 5) & (seenWords - 1);
    const isNew = this.#set(word, hash & 31);
    return this.#set((word & ~15) | (mixed >>> 28), (mixed >>> 20) & 31) || isNew;
  }

  #set(word: number, bit: number): boolean {
    const before = this.#bits[word] as number;
    const after = before | (1 << bit);
    this.#bits[word] = after;
    return before >>> 0 !== after >>> 0;
  }
}
