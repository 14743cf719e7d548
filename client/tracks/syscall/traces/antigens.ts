import { padId } from '../../../events/vocabulary.ts';

/** Runs of 1 … `lengthMax` calls are features. */
const lengthMax = 5;

/**
 * The distinct features of a trace that antibodies are made of: 32-bit hashes of its runs of 1 to 5 calls, whatever the
 * workload. An attack brings its own runs along into every workload that it breaks into. Unordered; shape [distinct].
 */
export function traceAntigens(calls: Uint16Array): Uint32Array {
  const found = new Distinct(calls.length * lengthMax);
  for (let place = 0; place < calls.length; place++) {
    let hash = padId;
    const longest = Math.min(lengthMax, place + 1);
    for (let length = 1; length <= longest; length++) {
      hash = Math.imul(hash ^ ((calls[place - length + 1] as number) + 0x7f4a), 0x5bd1e995) ^ (hash >>> 15);
      found.add(mixed(hash));
    }
  }
  return found.values();
}

/** A set of 32-bit numbers by open addressing: a Set of the language costs five times as much here. */
class Distinct {
  readonly #slots: Uint32Array;
  readonly #mask: number;
  readonly #found: Uint32Array;
  #count = 0;

  constructor(most: number) {
    const size = 1 << (32 - Math.clz32(Math.max(1, most) * 2));
    this.#slots = new Uint32Array(size);
    this.#mask = size - 1;
    this.#found = new Uint32Array(most);
  }

  add(value: number): void {
    // An empty slot is 0, so 0 itself is told as 1: one more collision in 2^32.
    const kept = value === 0 ? 1 : value;
    let at = kept & this.#mask;
    while (this.#slots[at] !== 0) {
      if (this.#slots[at] === kept) return;
      at = (at + 1) & this.#mask;
    }
    this.#slots[at] = kept;
    this.#found[this.#count++] = kept;
  }

  values(): Uint32Array {
    return this.#found.slice(0, this.#count);
  }
}

/** MurmurHash3's finaliser: every bit of the hash decides every other. */
function mixed(hash: number): number {
  let value = hash ^ (hash >>> 16);
  value = Math.imul(value, 0x85ebca6b);
  value ^= value >>> 13;
  value = Math.imul(value, 0xc2b2ae35);
  return (value ^ (value >>> 16)) >>> 0;
}
