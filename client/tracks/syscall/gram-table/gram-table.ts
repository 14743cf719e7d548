/**
 * The federated n-gram detector: how much evidence there is that a gram of calls is normal for a class of workload, in
 * one hashed table that is a flat float32 vector and so travels, clips and aggregates like any weights.
 *
 * Why counts and not a network: counts of different clusters average into the counts of all of them, whatever the clusters
 * run (non-IID), in one round; networks that learnt different things average into one that knows neither
 * (`npm run bench -- detection` measures both). A cluster's local weights are the evidence in its own traces, so its delta
 * also pulls down what only others claim: what a liar gets into the table, honest clusters wash out again.
 *
 * Feature hashing after Weinberger et al., ICML 2009; the idea of normal grams is Forrest et al., IEEE S&P 1996.
 */
import type { ModelSpec } from '../../../../proto/model-spec.ts';
import { contentKey } from '../../../events/trace.ts';
import { vocabulary, vocabularyDigest } from '../../../events/vocabulary.ts';
import type { Observed } from '../../detector.ts';
import { WorkloadClasses } from '../traces/workload-classes.ts';
import { gramLengthMax, walkGrams } from './gram-hash.ts';

const architecture = 'syscall-gram-table/1';

/** 2^18 slots (1 MiB): eleven clusters' grams fill 40 % of them. */
export const defaultSlotCount = 2 ** 18;

/**
 * The L2 norm of every cluster's local weights. A busy cluster has no longer arm than a quiet one: rules that go by
 * distance (Krum) would else leave out whoever has seen most, and with it the only nodes of some class.
 */
export const weightsNorm = 4;
/**
 * Weights are small numbers; evidence counts in traces. Chosen small: one cluster's evidence among ten then weighs about as
 * much as the smoothing, and what is new in a cluster that did not take part is judged mildly.
 */
const evidencePerWeight = 32;

export function gramTableSpec(classes: WorkloadClasses, slotCount = defaultSlotCount): ModelSpec {
  if (!Number.isInteger(Math.log2(slotCount)) || slotCount < 2 ** 10 || slotCount > 2 ** 24) {
    throw new RangeError(`gram table: slots must be a power of two from 2^10 to 2^24, got ${slotCount}`);
  }
  return {
    architecture,
    hyperparameters: { slots: slotCount, gramLengthMax, classes: classes.text, vocabulary: vocabularyDigest },
    tensors: [{ name: 'evidence', shape: [slotCount] }],
  };
}

/** The workload classes of a gram table's spec; throws when the spec is not one this version can read. */
export function gramTableClasses(spec: ModelSpec): WorkloadClasses {
  const { slots, classes, gramLengthMax: length, vocabulary: digest } = spec.hyperparameters;
  const shape = spec.tensors.length === 1 ? spec.tensors[0]?.shape : undefined;
  if (
    spec.architecture !== architecture ||
    digest !== vocabularyDigest ||
    length !== gramLengthMax ||
    shape?.[0] !== slots
  ) {
    throw new RangeError(
      `model spec: expected ${architecture} over this version's vocabulary and grams of up to ${gramLengthMax} calls, got ${spec.architecture}; use a model made by this version`,
    );
  }
  return WorkloadClasses.parse(String(classes));
}

/** The table before anything was learnt: no evidence for anything. */
export function initialGramTable(spec: ModelSpec): Float32Array {
  return new Float32Array(Number(spec.hyperparameters.slots));
}

/**
 * A cluster's local weights: the evidence in its traces, scaled to a common norm, shape [slots]. Repeats of one content
 * count once.
 */
export function trainGramTable(
  spec: ModelSpec,
  traces: Iterable<Observed>,
): Readonly<{ weights: Float32Array; examples: number }> {
  const classes = gramTableClasses(spec);
  const counts = new GramCounts(Number(spec.hyperparameters.slots));
  for (const { calls, service } of traces) counts.learn(calls, classes.idOf(service));
  const weights = counts.evidence();
  scaleToCommonNorm(weights);
  return { weights, examples: counts.traceCount };
}

/** In place; what is all zero stays so. */
export function scaleToCommonNorm(weights: Float32Array): void {
  let sum = 0;
  for (let slot = 0; slot < weights.length; slot++) sum += (weights[slot] as number) * (weights[slot] as number);
  if (sum === 0) return;
  const length = Math.sqrt(sum);
  for (let slot = 0; slot < weights.length; slot++) weights[slot] = ((weights[slot] as number) * weightsNorm) / length;
}

/** Evidence per slot out of a flat vector; anything a hostile or broken aggregate could hold reads as none. */
export function evidenceOf(spec: ModelSpec, weights: Float32Array): Float32Array {
  if (weights.length !== spec.hyperparameters.slots) {
    throw new RangeError(`gram table: expected ${spec.hyperparameters.slots} values, got ${weights.length}`);
  }
  return evidenceOfWeights(weights);
}

/** As `evidenceOf`, of a vector whose length was checked. */
export function evidenceOfWeights(weights: Float32Array): Float32Array {
  const evidence = new Float32Array(weights.length);
  for (let slot = 0; slot < evidence.length; slot++) {
    const weight = weights[slot] as number;
    if (weight > 0 && weight < 1e6) evidence[slot] = weight * evidencePerWeight;
  }
  return evidence;
}

/**
 * Counts of grams in distinct traces. A trace counts log2(1 + n) for a gram that it holds n times: a loop is one
 * observation more than a pass, not a thousand.
 */
export class GramCounts {
  readonly #slotCount: number;
  readonly #counts: Float64Array;
  readonly #seen = new Set<string>();

  constructor(slotCount: number) {
    this.#slotCount = slotCount;
    this.#counts = new Float64Array(slotCount);
  }

  /** Distinct contents learnt, per class. */
  get traceCount(): number {
    return this.#seen.size;
  }

  /** Learns a trace; false when the same calls of the same class were learnt before. */
  learn(calls: Uint16Array, classId: number): boolean {
    const key = `${classId}.${contentKey(calls)}`;
    if (this.#seen.has(key)) return false;
    this.#seen.add(key);
    for (const [slot, count] of this.#gramsOf(calls, classId)) this.#add(slot, Math.log2(1 + count));
    return true;
  }

  /** log2(1 + count) per slot: evidence grows with the number of traces, but ever more slowly. */
  evidence(): Float32Array {
    const evidence = new Float32Array(this.#slotCount);
    for (let slot = 0; slot < evidence.length; slot++) {
      const count = this.#counts[slot] as number;
      if (count > 0) evidence[slot] = Math.log2(1 + count); // Most slots of a table stay empty.
    }
    return evidence;
  }

  /**
   * Runs `use` on the evidence without what this trace contributed, if it was learnt; `evidence` is the caller's own
   * copy, changed for the while. This is how a local threshold is calibrated on the very traces that were learnt.
   */
  without<Result>(evidence: Float32Array, calls: Uint16Array, classId: number, use: () => Result): Result {
    if (!this.#seen.has(`${classId}.${contentKey(calls)}`)) return use();
    const own = this.#gramsOf(calls, classId);
    for (const [slot, count] of own) {
      const left = (this.#counts[slot] as number) - Math.log2(1 + count);
      evidence[slot] = left > 1e-6 ? Math.log2(1 + left) : 0; // Rounding must not leave a crumb of evidence.
    }
    try {
      return use();
    } finally {
      for (const slot of own.keys()) evidence[slot] = Math.log2(1 + (this.#counts[slot] as number));
    }
  }

  #add(slot: number, amount: number): void {
    this.#counts[slot] = (this.#counts[slot] as number) + amount;
  }

  #gramsOf(calls: Uint16Array, classId: number): Map<number, number> {
    const counts = new Map<number, number>();
    const count = (slot: number) => counts.set(slot, (counts.get(slot) ?? 0) + 1);
    walkGrams(calls, classId, this.#slotCount, (place, slots, contextSlots, longest) => {
      if (place === 0) count(contextSlots[1] as number); // The padding before the first call is a context too.
      for (let length = 0; length <= longest; length++) count(slots[length] as number);
    });
    return counts;
  }
}

/**
 * Surprisal of each call, −ln p in nats, shape [calls]: from the class alone up to the longest context that has
 * evidence, each length's estimate refines the shorter one's (interpolated additive smoothing with one unit of evidence).
 */
export function gramSurprisal(evidence: Float32Array, calls: Uint16Array, classId: number): Float32Array {
  const out = new Float32Array(calls.length);
  walkGrams(calls, classId, evidence.length, (place, slots, contextSlots, longest) => {
    let probability = 1 / vocabulary.length;
    for (let length = 1; length <= longest; length++) {
      const gram = evidence[slots[length] as number] as number;
      const context = Math.max(evidence[contextSlots[length - 1] as number] as number, gram);
      if (context <= 0) break;
      probability = (gram + probability) / (context + 1);
    }
    out[place] = -Math.log(probability);
  });
  return out;
}
