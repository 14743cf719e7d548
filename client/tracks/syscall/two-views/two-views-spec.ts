/**
 * Two views of a trace in one federated model: grams of up to 12 calls (what follows what) and the set of calls (which
 * occur at all). Both are sums over normal traces, so both travel as a flat vector, clip and aggregate like any weights.
 */
import type { ModelSpec } from '../../../../proto/model-spec.ts';
import { vocabulary, vocabularyDigest } from '../../../events/vocabulary.ts';
import { WorkloadClasses } from '../traces/workload-classes.ts';

export const twoViewsArchitecture = 'syscall-two-views/1';

/** Grams of 1 … this many calls are counted. */
export const gramOrderMax = 12;

/** 2^20 slots of grams (4 MiB) and 2^18 of pairs (1 MiB): in fewer, public sets make new grams collide with known ones. */
export const defaultGramSlots = 2 ** 20;
const defaultPairSlots = 2 ** 18;

export type TwoViewsSizes = Readonly<{ classes: WorkloadClasses; gramSlots: number; pairSlots: number }>;

/** Throws a RangeError where a number of slots is no power of two from 2^10 to 2^24. */
export function twoViewsSpec(
  classes: WorkloadClasses,
  { gramSlots = defaultGramSlots, pairSlots = defaultPairSlots }: Partial<TwoViewsSizes> = {},
): ModelSpec {
  for (const slots of [gramSlots, pairSlots]) {
    if (!Number.isInteger(Math.log2(slots)) || slots < 2 ** 10 || slots > 2 ** 24) {
      throw new RangeError(`two views: slots must be a power of two from 2^10 to 2^24, got ${slots}`);
    }
  }
  return {
    architecture: twoViewsArchitecture,
    hyperparameters: {
      slots: gramSlots,
      pairs: pairSlots,
      gramLengthMax: gramOrderMax,
      classes: classes.text,
      vocabulary: vocabularyDigest,
    },
    tensors: [
      { name: 'grams', shape: [gramSlots] },
      { name: 'calls', shape: [classes.count, vocabulary.length] },
      { name: 'pairs', shape: [pairSlots] },
    ],
  };
}

/** What a spec says; throws a RangeError when it is not one that this version can read. */
export function twoViewsSizes(spec: ModelSpec): TwoViewsSizes {
  const { slots, pairs, classes: text, gramLengthMax, vocabulary: digest } = spec.hyperparameters;
  const expected = `${twoViewsArchitecture} over this version's vocabulary and grams of up to ${gramOrderMax} calls`;
  if (spec.architecture !== twoViewsArchitecture || digest !== vocabularyDigest || gramLengthMax !== gramOrderMax) {
    throw new RangeError(
      `model spec: expected ${expected}, got ${spec.architecture}; use a model made by this version`,
    );
  }
  const classes = WorkloadClasses.parse(String(text));
  const wanted = twoViewsSpec(classes, { gramSlots: Number(slots), pairSlots: Number(pairs) });
  if (JSON.stringify(wanted.tensors) !== JSON.stringify(spec.tensors)) {
    throw new RangeError(`model spec: the tensors of ${spec.architecture} do not fit its slots and classes`);
  }
  return { classes, gramSlots: Number(slots), pairSlots: Number(pairs) };
}

/** The model's parts, views into `flat`. Throws a RangeError on another length. */
export function partsOf({ classes, gramSlots, pairSlots }: TwoViewsSizes, flat: Float32Array) {
  const calls = classes.count * vocabulary.length;
  if (flat.length !== gramSlots + calls + pairSlots) {
    throw new RangeError(`two views: expected ${gramSlots + calls + pairSlots} values, got ${flat.length}`);
  }
  return {
    grams: flat.subarray(0, gramSlots),
    calls: flat.subarray(gramSlots, gramSlots + calls),
    pairs: flat.subarray(gramSlots + calls),
  };
}
