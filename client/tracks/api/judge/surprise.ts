import type { ApiExample } from '../example.ts';
import { viewIds, views } from '../facts/views.ts';
import { type Fact, walkFacts, witnessOf } from '../facts/walk-facts.ts';
import type { ApiMemory, SharedEvidence } from '../memory/api-memory.ts';

/** The share of a value's grams that say how odd it is: the oddest. */
const oddestShare = 2 / 3;
const oddestMin = 3;
/** Characters of a shape, the class of its length and its end, and some. */
const gramsMax = 160;
/** A shape's surprisal is looked up so often before it is worked out anew: what is normal moves slowly. */
const usesMax = 32;
const shapesMax = 16_384;
/** The same of a whole call, all that it says but who sent it. */
const callUsesMax = 16;
const callsMax = 16_384;

/**
 * What each view says of a chain: its highest surprisal in nats, and of which call and what of it, as `Fact.about`. By id of the
 * view. The next chain is told in the same arrays.
 */
export type Surprise = Readonly<{ nats: Float64Array; calls: Uint16Array; about: readonly string[] }>;

/** What the views said of a call: those that were surprised at all. */
type KnownCall = {
  readonly views: readonly number[];
  readonly nats: readonly number[];
  readonly about: readonly string[];
  uses: number;
};

/** Says how surprising chains are to a memory. */
export class Surprises {
  readonly #memory: ApiMemory;
  readonly #others: SharedEvidence | undefined;
  readonly #shapes = new Map<number, { nats: number; uses: number }>();
  readonly #grams = new Float64Array(gramsMax);
  #gramCount = 0;
  #shape = 0;
  /** Whose word counts for what is walked; undefined: nothing is learnt. */
  #witness: number | undefined;
  #learnsCall = false;
  #learnsShape = false;
  #scoresShape = true;
  /** Calls by hash, as they were judged last while nothing was learnt of them. */
  readonly #known = new Map<number, KnownCall>();
  /** Of the call that is walked just now, to be remembered: its hash, and by view what it came to. */
  #call: number | undefined;
  readonly #ofCall = new Float64Array(viewIds.transition);
  readonly #ofCallAbout: string[] = new Array(viewIds.transition).fill('');
  readonly #nats = new Float64Array(views.length);
  readonly #calls = new Uint16Array(views.length);
  readonly #about: string[] = new Array(views.length).fill('');

  constructor(memory: ApiMemory, others: SharedEvidence | undefined) {
    this.#memory = memory;
    this.#others = others;
  }

  /** `routes`: templates by call. `learn`: what is common of the chain is learnt in the same walk, each fact once it is judged. */
  of(example: ApiExample, routes: readonly string[], learn = false): Surprise {
    this.#witness = learn ? witnessOf(example) : undefined;
    this.#learnsCall = false;
    this.#nats.fill(0);
    this.#calls.fill(0);
    walkFacts(example, routes, this.#memory, this);
    this.#endCall();
    return { nats: this.#nats, calls: this.#calls, about: this.#about };
  }

  visit(fact: Fact): void {
    const isGram = fact.view === viewIds.value;
    if (!isGram || this.#scoresShape) this.#judge(fact, isGram);
    const learns = isGram ? this.#learnsShape : this.#learnsCall || fact.view >= viewIds.transition;
    if (learns && this.#witness !== undefined) this.#memory.countCommon(fact, this.#witness);
  }

  takesCall(hash: number, call: number): boolean {
    this.#endCall();
    this.#learnsCall = this.#witness !== undefined && this.#memory.hears(hash, this.#witness);
    if (this.#learnsCall) {
      // From here on it is more usual than it was.
      this.#known.delete(hash);
      return true;
    }
    const known = this.#known.get(hash);
    if (known === undefined || known.uses >= callUsesMax) {
      this.#call = hash;
      this.#ofCall.fill(0);
      return true;
    }
    known.uses += 1;
    for (let at = 0; at < known.views.length; at++) {
      this.#settle(known.views[at] as number, known.nats[at] as number, call, known.about[at] as string);
    }
    return false;
  }

  /** Remembers what the call came to that was walked last. */
  #endCall(): void {
    if (this.#call === undefined) return;
    const surprised = [...this.#ofCall.keys()].filter((view) => (this.#ofCall[view] as number) > 0);
    if (this.#known.size >= callsMax) this.#known.clear();
    this.#known.set(this.#call, {
      views: surprised,
      nats: surprised.map((view) => this.#ofCall[view] as number),
      about: surprised.map((view) => this.#ofCallAbout[view] as string),
      uses: 0,
    });
    this.#call = undefined;
  }

  takesShape(hash: number, call: number, about: string): boolean {
    const known = this.#shapes.get(hash);
    this.#shape = hash;
    this.#scoresShape = known === undefined || known.uses >= usesMax;
    this.#learnsShape = this.#learnsCall && this.#memory.hears(hash, this.#witness as number);
    if (known === undefined || this.#scoresShape) return true;
    known.uses += 1;
    this.#settle(viewIds.value, known.nats, call, about);
    return this.#learnsShape;
  }

  #judge(fact: Fact, isGram: boolean): void {
    const found = this.#memory.surprisal(fact, this.#others);
    if (!isGram) {
      this.#settle(fact.view, found, fact.call, fact.about);
      return;
    }
    if (this.#gramCount < gramsMax) this.#grams[this.#gramCount++] = found;
    if (!fact.isLast) return;
    const nats = meanOfOddest(this.#grams.subarray(0, this.#gramCount));
    this.#gramCount = 0;
    if (this.#shapes.size >= shapesMax) this.#shapes.clear();
    this.#shapes.set(this.#shape, { nats, uses: 0 });
    this.#settle(viewIds.value, nats, fact.call, fact.about);
  }

  #settle(view: number, found: number, call: number, about: string): void {
    if (this.#call !== undefined && view < viewIds.transition && found > (this.#ofCall[view] as number)) {
      this.#ofCall[view] = found;
      this.#ofCallAbout[view] = about;
    }
    if (found <= (this.#nats[view] as number)) return;
    this.#nats[view] = found;
    this.#calls[view] = call;
    this.#about[view] = about;
  }
}

/** Sorts in place. */
function meanOfOddest(grams: Float64Array): number {
  const kept = Math.min(grams.length, Math.max(oddestMin, Math.ceil(grams.length * oddestShare)));
  grams.sort();
  let sum = 0;
  for (let at = grams.length - kept; at < grams.length; at++) sum += grams[at] as number;
  return sum / kept;
}
