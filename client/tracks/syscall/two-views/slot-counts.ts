const noSlot = -1;

/**
 * How often each slot of a table came, for one trace after another: open addressing in arrays that are used again, since a
 * map for each trace is most of the time and of the garbage that learning makes.
 */
export class SlotCounts {
  /** Shape [a power of two]; at least half of them are free. */
  #slots = new Int32Array(1 << 14).fill(noSlot);
  #counts = new Int32Array(1 << 14);
  /** Where in `#slots` there is something, in the order in which it came; full when the others are half full. */
  #used = new Int32Array(1 << 13);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** slot: 0 … 2^31 − 1. */
  add(slot: number): void {
    if (this.#size === this.#used.length) this.#grow();
    this.#addTimes(slot, 1);
  }

  /** Every slot once, in the order of first coming. */
  forEach(use: (slot: number, count: number) => void): void {
    for (let at = 0; at < this.#size; at++) {
      const place = this.#used[at] as number;
      use(this.#slots[place] as number, this.#counts[place] as number);
    }
  }

  clear(): void {
    for (let at = 0; at < this.#size; at++) this.#slots[this.#used[at] as number] = noSlot;
    this.#size = 0;
  }

  #addTimes(slot: number, times: number): void {
    const mask = this.#slots.length - 1;
    // Slots are hashes already.
    let place = slot & mask;
    for (;;) {
      const there = this.#slots[place] as number;
      if (there === slot) {
        this.#counts[place] = (this.#counts[place] as number) + times;
        return;
      }
      if (there === noSlot) break;
      place = (place + 1) & mask;
    }
    this.#slots[place] = slot;
    this.#counts[place] = times;
    this.#used[this.#size++] = place;
  }

  #grow(): void {
    const [slots, counts, used] = [this.#slots, this.#counts, this.#used];
    this.#slots = new Int32Array(slots.length * 2).fill(noSlot);
    this.#counts = new Int32Array(slots.length * 2);
    this.#used = new Int32Array(slots.length);
    this.#size = 0;
    for (const place of used) this.#addTimes(slots[place] as number, counts[place] as number);
  }
}
