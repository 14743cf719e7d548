import type { ApiExample } from '../example.ts';
import { CountTable, SeenPairs } from '../facts/count-table.ts';
import { combine } from '../facts/hash.ts';
import { type Acquaintance, bonds, type Fact, places, walkFacts, witnessOf } from '../facts/walk-facts.ts';

const ownersMax = 4;
const networksMax = 32;
/** Subjects and objects that are remembered: some 40 MB. */
const subjectsMax = 100_000;
const objectsMax = 200_000;

/** What a federation knows of facts: by hash of a context, or of a fact within one. */
export type SharedEvidence = Readonly<{ of(key: number): number }>;

/**
 * What a cluster remembers of its own traffic: how many witnesses there are for a fact. A witness is a network (or a caller
 * inside) in one hour: who repeats himself is one witness, so that nobody teaches a cluster by himself what is normal.
 */
export class ApiMemory implements Acquaintance {
  readonly #counts = new CountTable();
  readonly #seen = new SeenPairs();
  readonly #owners = new Map<number, number[]>();
  readonly #networks = new Map<number, number[]>();

  /** Facts and contexts that are remembered. */
  get size(): number {
    return this.#counts.size;
  }

  placeOf(subject: number, network: number): number {
    const known = this.#networks.get(subject);
    if (known === undefined) return places.newSubject;
    return known.includes(network) ? places.known : places.newNetwork;
  }

  bondOf(subject: number, object: number): number {
    const owners = this.#owners.get(object);
    if (owners === undefined) return bonds.unknown;
    if (owners.includes(subject)) return bonds.own;
    if (owners.length >= ownersMax) return bonds.shared;
    return owners.length === 1 ? bonds.ofAnother : bonds.ofFew;
  }

  /** Everything about a chain that is normal as far as anybody knows. */
  learn(example: ApiExample, routes: readonly string[]): void {
    this.#count(example, routes, true, true);
    this.#acquaint(example);
  }

  /** Whether this witness has not yet said what has this hash; from then on he has. */
  hears(hash: number, witness: number): boolean {
    return this.#seen.add(combine(hash, witness));
  }

  /** Counts the common part of one fact. */
  countCommon({ contexts, shared, fact, isTail }: Fact, witness: number): void {
    // A count that its witness reached here before has been counted, with all below it.
    if (isTail && !this.hears(combine(contexts[shared - 1] as number, ~fact), witness)) return;
    for (let level = 0; level < shared; level++) {
      const context = contexts[level] as number;
      this.#witness(context, witness);
      for (let value = fact; value >= (isTail ? 0 : fact); value--) this.#witness(combine(context, value), witness);
    }
  }

  /** The rest of a chain of which the common part was learnt. */
  learnPersonal(example: ApiExample, routes: readonly string[]): void {
    this.#count(example, routes, false, true);
    this.#acquaint(example);
  }

  /** How surprising a fact is here, in nats: what the federation says of it, refined by what was seen here. */
  surprisal({ contexts, levels, shared, fact, isTail }: Fact, others: SharedEvidence | undefined): number {
    let probability = isTail ? 0.5 ** (fact / 2) : 1 / 64;
    for (let level = 0; level < levels; level++) {
      const context = contexts[level] as number;
      const key = combine(context, fact);
      if (others !== undefined && level < shared) {
        const all = others.of(context);
        if (all > 0) probability = (Math.min(all, others.of(key)) + probability) / (all + 1);
      }
      const all = this.#counts.get(context);
      if (all > 0) probability = (Math.min(all, this.#counts.get(key)) + probability) / (all + 1);
    }
    return -Math.log(Math.min(1, probability));
  }

  #count(example: ApiExample, routes: readonly string[], common: boolean, personal: boolean): void {
    const witness = witnessOf(example);
    walkFacts(example, routes, this, {
      visit: ({ contexts, levels, shared, fact, isTail }) => {
        const end = personal ? levels : shared;
        // A count that its witness reached here before has been counted, with all below it.
        if (isTail && !this.#seen.add(combine(combine(contexts[end - 1] as number, ~fact), witness))) return;
        for (let level = common ? 0 : shared; level < end; level++) {
          const context = contexts[level] as number;
          this.#witness(context, witness);
          if (!isTail) this.#witness(combine(context, fact), witness);
          else for (let value = fact; value >= 0; value--) this.#witness(combine(context, value), witness);
        }
      },
      // What a witness has said once, he has said: a shortcut, and no other outcome.
      takesCall: (hash) => common && this.#seen.add(combine(hash, witness)),
      takesShape: (hash) => this.#seen.add(combine(hash, witness)),
    });
  }

  #witness(key: number, witness: number): void {
    if (this.#seen.add(combine(key, witness))) this.#counts.add(key, 1);
  }

  #acquaint({ subject, source, network, around }: ApiExample): void {
    if (subject === 0 && source === 0) return;
    if (subject !== 0) {
      const known = this.#networks.get(subject);
      if (known === undefined) {
        if (this.#networks.size < subjectsMax) this.#networks.set(subject, [network]);
      } else if (!known.includes(network) && known.length < networksMax) known.push(network);
    }
    for (const object of around.named) {
      const owners = this.#owners.get(object);
      if (owners === undefined) {
        if (this.#owners.size < objectsMax) this.#owners.set(object, [subject || source]);
      } else if (owners.length < ownersMax && !owners.includes(subject || source)) owners.push(subject || source);
    }
  }
}
