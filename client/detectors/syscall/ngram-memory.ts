/**
 * What one workload has done so far, as a variable-order Markov model: how often each call followed each context of up to
 * `order` calls. Local memory: it is exact about the past, it never leaves its cluster, and a call that no context explains
 * is the first thing it notices. Interpolated Witten-Bell smoothing (Witten and Bell, IEEE Trans. Inf. Theory 37(4), 1991)
 * over counts that grow with the logarithm of repetition, one process' loop being one observation.
 */
import { contentKey } from './trace.ts';
import { padId, vocabulary } from './vocabulary.ts';

export type NgramScores = Readonly<{
  /** −ln p of each call given its context, in nats, shape [calls]. */
  surprisal: Float64Array;
  /** Calls that end a gram of three which the memory does not hold. */
  unseenTrigrams: number;
}>;

type Context = { total: number; followers: Map<number, number> };
/** How one distinct trace contributed: kept so that it can be left out when it is itself scored for calibration. */
type Contribution = Map<string, Map<number, number>>;

const unseenGramLength = 3;

export class NgramMemory {
  readonly order: number;
  readonly #contexts = new Map<string, Context>();
  readonly #seen = new Set<string>();

  constructor(order = 6) {
    this.order = order;
  }

  /** Distinct traces learnt. */
  get traceCount(): number {
    return this.#seen.size;
  }

  /** Learns a trace, unless the same calls were learnt before. */
  learn(calls: Uint16Array): void {
    const key = contentKey(calls);
    if (this.#seen.has(key)) return;
    this.#seen.add(key);
    this.#add(this.#contributionOf(calls), 1);
  }

  /** Scores a trace as if it had not been learnt itself. */
  scoreWithout(calls: Uint16Array): NgramScores {
    if (!this.#seen.has(contentKey(calls))) return this.score(calls);
    const own = this.#contributionOf(calls);
    this.#add(own, -1);
    try {
      return this.score(calls);
    } finally {
      this.#add(own, 1);
    }
  }

  score(calls: Uint16Array): NgramScores {
    const surprisal = new Float64Array(calls.length);
    let unseenTrigrams = 0;
    for (let place = 0; place < calls.length; place++) {
      const call = calls[place] as number;
      let probability = 1 / vocabulary.length;
      let context = '';
      let reach = 0;
      for (let length = 0; length <= this.order; length++) {
        if (length > 0) context = unitBefore(calls, place, length) + context;
        const known = this.#contexts.get(context);
        if (known === undefined || known.total < 1e-9) break;
        const count = known.followers.get(call) ?? 0;
        if (count > 1e-9) reach = length + 1;
        const novelty = known.followers.size;
        probability = (count + novelty * probability) / (known.total + novelty);
      }
      surprisal[place] = -Math.log(probability);
      if (reach < unseenGramLength) unseenTrigrams++;
    }
    return { surprisal, unseenTrigrams };
  }

  #contributionOf(calls: Uint16Array): Contribution {
    const counts: Contribution = new Map();
    for (let place = 0; place < calls.length; place++) {
      const call = calls[place] as number;
      let context = '';
      for (let length = 0; length <= this.order; length++) {
        if (length > 0) context = unitBefore(calls, place, length) + context;
        const followers = counts.get(context) ?? new Map<number, number>();
        counts.set(context, followers);
        followers.set(call, (followers.get(call) ?? 0) + 1);
        if (place - length < 0) break; // One unit of padding marks the beginning; longer contexts would say no more.
      }
    }
    for (const followers of counts.values()) {
      for (const [call, count] of followers) followers.set(call, Math.log2(1 + count));
    }
    return counts;
  }

  #add(counts: Contribution, sign: 1 | -1): void {
    for (const [context, followers] of counts) {
      const known = this.#contexts.get(context) ?? { total: 0, followers: new Map<number, number>() };
      this.#contexts.set(context, known);
      for (const [call, count] of followers) {
        const left = (known.followers.get(call) ?? 0) + sign * count;
        known.total += sign * count;
        // Rounding leaves a crumb where the last contribution was taken back; a call must then be unseen again.
        if (left > 1e-9) known.followers.set(call, left);
        else known.followers.delete(call);
      }
    }
  }
}

/** The call `back` places before `place`, as a UTF-16 unit; padding before the first. */
function unitBefore(calls: Uint16Array, place: number, back: number): string {
  return String.fromCharCode(calls[place - back] ?? padId);
}
