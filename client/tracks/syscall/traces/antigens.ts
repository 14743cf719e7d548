import { padId } from '../../../events/vocabulary.ts';
import { mixBits } from '../../mix-bits.ts';
import { step } from './call-hash.ts';

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
      hash = step(hash, calls[place - length + 1] as number);
      found.add(mixBits(hash));
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
