/**
 * The federated detector of requests: how much evidence there is that a fact is normal within its context, in one hashed
 * table that is a flat float32 vector. It counts instead of descending, as the syscall track's gram table does, and for the
 * same reasons: counts of clusters that differ average into the counts of all of them.
 *
 * Facts are about services, routes, names of fields and shapes of values. What is about a subject, an address or an object is
 * never counted here. Feature hashing after Weinberger et al., ICML 2009.
 */
import type { ModelSpec } from '../../../../proto/model-spec.ts';
import type { ApiExample } from '../example.ts';
import { CountTable, SeenPairs } from '../facts/count-table.ts';
import { combine } from '../facts/hash.ts';
import { views } from '../facts/views.ts';
import { type Acquaintance, bonds, places, walkFacts, witnessOf } from '../facts/walk-facts.ts';
import { RouteBook } from '../requests/route-book.ts';

export const evidenceArchitecture = 'api-evidence-table/1';

/** 2^18 slots (1 MiB). */
const defaultSlotCount = 2 ** 18;
/** The L2 norm of every cluster's local weights: a busy cluster has no longer arm than a quiet one. */
const weightsNorm = 4;
/** Weights are small numbers; evidence counts in witnesses. */
const evidencePerWeight = 32;

export function evidenceSpec(slotCount = defaultSlotCount): ModelSpec {
  if (!Number.isInteger(Math.log2(slotCount)) || slotCount < 2 ** 10 || slotCount > 2 ** 24) {
    throw new RangeError(`api evidence: slots must be a power of two from 2^10 to 2^24, got ${slotCount}`);
  }
  return {
    architecture: evidenceArchitecture,
    hyperparameters: { slots: slotCount, views: views.join(','), shapes: 1 },
    tensors: [{ name: 'evidence', shape: [slotCount] }],
  };
}

/** Slots of a spec; throws where it is not one that this version can read. */
export function evidenceSlots(spec: ModelSpec): number {
  const { slots, views: named, shapes } = spec.hyperparameters;
  const shape = spec.tensors.length === 1 ? spec.tensors[0]?.shape : undefined;
  const isOurs = spec.architecture === evidenceArchitecture && named === views.join(',') && shapes === 1;
  if (!isOurs || typeof slots !== 'number' || shape?.[0] !== slots) {
    throw new RangeError(
      `model spec: expected ${evidenceArchitecture} over this version's views, got ${spec.architecture}; use a model made by this version`,
    );
  }
  return slots;
}

/** Nobody knows anybody: facts about subjects and objects are not counted. */
const strangers: Acquaintance = { placeOf: () => places.known, bondOf: () => bonds.own };

/** A cluster's local weights: the evidence in its chains, in whatever order, scaled to a common norm, shape [slots]. */
export function trainEvidence(spec: ModelSpec, examples: readonly ApiExample[]): Float32Array {
  const slots = evidenceSlots(spec);
  const book = new RouteBook();
  // A filter that may err and a book that folds as it goes: the same chains must give the same bits.
  const inOrder = examples.toSorted((a, b) => a.atS - b.atS || a.id - b.id);
  for (const { calls } of inOrder) for (const call of calls) book.learn(call);
  const counts = new CountTable();
  const seen = new SeenPairs();
  for (const example of inOrder) {
    const witness = witnessOf(example);
    const add = (key: number) => {
      if (seen.add(combine(key, witness))) counts.add(key, 1);
    };
    walkFacts(example, book.templatesOf(example.calls), strangers, {
      visit: ({ contexts, shared, fact, isTail }) => {
        for (let level = 0; level < shared; level++) {
          const context = contexts[level] as number;
          add(context);
          for (let value = fact; value >= (isTail ? 0 : fact); value--) add(combine(context, value));
        }
      },
    });
  }
  const evidence = new Float32Array(slots);
  counts.forEach((key, count) => {
    evidence[key & (slots - 1)] = (evidence[key & (slots - 1)] as number) + count;
  });
  let squares = 0;
  for (let slot = 0; slot < slots; slot++) {
    const value = Math.log2(1 + (evidence[slot] as number));
    evidence[slot] = value;
    squares += value * value;
  }
  if (squares > 0) {
    const scale = weightsNorm / Math.sqrt(squares);
    for (let slot = 0; slot < slots; slot++) evidence[slot] = (evidence[slot] as number) * scale;
  }
  return evidence;
}

/** Evidence out of a flat vector; anything a hostile or broken aggregate could hold reads as none. */
export class FederatedEvidence {
  readonly #evidence: Float32Array;

  constructor(spec: ModelSpec, weights: Float32Array) {
    const slots = evidenceSlots(spec);
    if (weights.length !== slots) throw new RangeError(`api evidence: expected ${slots} values, got ${weights.length}`);
    this.#evidence = weights.map((weight) => (weight > 0 && weight < 1e6 ? weight * evidencePerWeight : 0));
  }

  of(key: number): number {
    return this.#evidence[key & (this.#evidence.length - 1)] as number;
  }
}
