/**
 * The view of sequences: evidence that grams of 1 … 12 calls are normal for a class of workload, in a hashed table
 * (Weinberger et al., ICML 2009; Forrest et al., IEEE S&P 1996), and the surprisal of calls that follows from it.
 */
import { contentKey } from '../../../events/trace.ts';
import { vocabulary } from '../../../events/vocabulary.ts';
import { mixBits } from '../../mix-bits.ts';
import type { Codebook } from '../../onnx/quantise.ts';
import { classHash, step } from '../traces/call-hash.ts';
import { callAt, longestAt } from './hash.ts';
import { SlotCounts } from './slot-counts.ts';
import { gramOrderMax } from './two-views-spec.ts';

/**
 * How often grams occur in distinct traces of a class. Evidence is log2(1 + n): it grows with every trace, but ever more slowly.
 */
export class GramEvidence {
  readonly #counts: Float32Array;
  readonly #seen = new Set<string>();
  readonly #mask: number;
  /** Of the trace at hand. */
  readonly #own = new SlotCounts();

  /** slotCount: a power of two. */
  constructor(slotCount: number) {
    this.#counts = new Float32Array(slotCount);
    this.#mask = slotCount - 1;
  }

  /** Distinct contents learnt, per class. */
  get traceCount(): number {
    return this.#seen.size;
  }

  /** Learns a trace; false when the same calls of the same class were learnt before. */
  learn(calls: Uint16Array, classId: number): boolean {
    const key = keyOf(calls, classId);
    if (this.#seen.has(key)) return false;
    this.#seen.add(key);
    this.#countGrams(calls, classId);
    this.#own.forEach((slot, count) => {
      this.#counts[slot] = this.#at(slot) + count;
    });
    return true;
  }

  /** Shape [slots]. */
  evidence(): Float32Array {
    return this.#counts.map((count) => (count === 0 ? 0 : Math.log2(1 + count)));
  }

  /**
   * Runs `use` on the evidence without what this trace contributed, if it was learnt; `evidence` is the caller's own
   * copy, changed for the while. This is how a local threshold is calibrated on the very traces that were learnt.
   */
  without<Result>(evidence: Float32Array, calls: Uint16Array, classId: number, use: () => Result): Result {
    if (!this.#seen.has(keyOf(calls, classId))) return use();
    this.#countGrams(calls, classId);
    const changed = new Int32Array(this.#own.size);
    let at = 0;
    this.#own.forEach((slot, count) => {
      evidence[slot] = Math.log2(1 + Math.max(0, this.#at(slot) - count));
      changed[at++] = slot;
    });
    try {
      return use();
    } finally {
      for (const slot of changed) evidence[slot] = Math.log2(1 + this.#at(slot));
    }
  }

  #at(slot: number): number {
    return this.#counts[slot] as number;
  }

  /** Into `#own`. */
  #countGrams(calls: Uint16Array, classId: number): void {
    const own = this.#own;
    own.clear();
    const ofClass = classHash(classId);
    const slotOf = (hash: number) => mixBits(hash) & this.#mask;
    const slotOfClass = slotOf(ofClass);
    own.add(slotOf(step(ofClass, callAt(calls, -1)))); // The padding before the first call is a context too.
    for (let place = 0; place < calls.length; place++) {
      own.add(slotOfClass);
      let hash = ofClass;
      const longest = longestAt(place, gramOrderMax);
      for (let length = 1; length <= longest; length++) {
        hash = step(hash, callAt(calls, place - length + 1));
        own.add(slotOf(hash));
      }
    }
  }
}

function keyOf(calls: Uint16Array, classId: number): string {
  return `${classId}.${contentKey(calls)}`;
}

/**
 * Evidence that makes a run of calls known: half of what one trace in one of eleven clusters leaves in their mean, and more than noise does.
 * What is counted here has 1 and more.
 */
const knownEvidence = 0.01;

/**
 * Surprisal of each call, −ln p in nats, shape [calls]: from the class alone up to the longest context that has
 * evidence, each length's estimate refines the shorter one's (interpolated additive smoothing with one unit of evidence).
 * evidence: not negative, a power of two of slots; or a code for each slot and what codes stand for. knownRuns: filled, where given, with how
 * many calls the longest known run that ends at each has, shape [calls]; the padding before the first counts as one.
 */
export function gramSurprisal(
  evidence: Float32Array | Codebook,
  calls: Uint16Array,
  classId: number,
  knownRuns?: Uint8Array,
): Float32Array {
  const out = new Float32Array(calls.length);
  const [table, levels] = evidence instanceof Float32Array ? [evidence, undefined] : [evidence.codes, evidence.levels];
  const mask = table.length - 1;
  const ofClass = classHash(classId);
  const evidenceOf = (hash: number) => {
    const found = table[mixBits(hash) & mask] as number;
    return levels === undefined ? found : (levels[found] as number);
  };
  // Evidence of the grams that end at the call before, by length: the contexts of this one. A gram whose beginning has
  // no evidence has none itself, so that lengths which nobody looked up are 0.
  const contexts = new Float64Array(gramOrderMax + 1);
  contexts[0] = evidenceOf(ofClass);
  contexts[1] = evidenceOf(step(ofClass, callAt(calls, -1)));
  let known = 1;
  for (let place = 0; place < calls.length; place++) {
    const longest = Math.min(gramOrderMax, place + 2, known + 1);
    let probability = 1 / vocabulary.length;
    let hash = ofClass;
    let reached = 0;
    let run = 0;
    // What stood at `length` is a context of the next length: it is read before it is replaced.
    let context = contexts[0] as number;
    for (let length = 1; length <= longest; length++) {
      if (context <= 0) break;
      const at = place - length + 1;
      hash = step(hash, at < 0 ? callAt(calls, -1) : (calls[at] as number));
      const gram = evidenceOf(hash);
      const next = contexts[length] as number;
      probability = (gram + probability) / (Math.max(context, gram) + 1);
      contexts[length] = gram;
      reached = length;
      if (gram > knownEvidence && run === length - 1) run = length;
      context = next;
    }
    for (let length = reached + 1; length <= known; length++) contexts[length] = 0;
    known = reached;
    while (known > 0 && contexts[known] === 0) known--;
    out[place] = -Math.log(Math.min(1, probability));
    if (knownRuns !== undefined) knownRuns[place] = run;
  }
  return out;
}
