import { createHash } from 'node:crypto';
import { type Random, seededStream } from '../../../base/random.ts';

/**
 * Randomness by purpose: each purpose has a stream of its own, so that leaving out one fault changes no draw of another's
 * and a long history shrinks.
 */
export class Draws {
  readonly #seed: number;
  readonly #streams = new Map<string, Random>();

  constructor(seed: number) {
    this.#seed = seed;
  }

  of(purpose: string): Random {
    let stream = this.#streams.get(purpose);
    if (stream === undefined) {
      stream = seededStream(this.#seed, purpose);
      this.#streams.set(purpose, stream);
    }
    return stream;
  }

  /** Whole, from `low` to `high`. */
  between(purpose: string, low: number, high: number): number {
    return low + Math.floor(this.of(purpose)() * (high - low + 1));
  }

  chance(purpose: string, probability: number): boolean {
    return this.of(purpose)() < probability;
  }

  pick<Item>(purpose: string, items: readonly Item[]): Item {
    return items[Math.floor(this.of(purpose)() * items.length)] as Item;
  }

  /** Bytes that nobody else draws. */
  bytes(purpose: string, count: number): Buffer {
    const pieces: Buffer[] = [];
    for (let made = 0; made < count; made += 64) {
      const drawn = `${this.of(purpose)()}/${this.of(purpose)()}`;
      pieces.push(createHash('sha512').update(`${purpose}/${this.#seed}/${drawn}/${made}`).digest());
    }
    return Buffer.concat(pieces).subarray(0, count);
  }
}
