import type { Learner } from './learner.ts';

/** The loss is for people to look at: a sample says enough. */
const lossExamplesMax = 100;

export type Counting<Example> = Readonly<{
  /** How unexpected what these examples hold is under the weights before learning, nats: the loss is the mean of all of it. */
  surprisals(examples: readonly Example[]): Iterable<ArrayLike<number>>;
  /** The local weights that count all of these examples, shape [layout.length]. */
  count(examples: readonly Example[]): Float32Array;
}>;

/**
 * A model that counts as something that a round can train. It does not descend: one batch holds everything, one step learns all
 * of it, and further epochs, learning rate and proximal weight change nothing. base: shape [layout.length].
 */
export function countingLearner<Example>(
  base: Float32Array,
  { surprisals, count }: Counting<Example>,
): Learner<readonly Example[], Example> {
  let weights = base;
  let learnt = false;
  return {
    *batches(examples) {
      if (learnt) return;
      learnt = true;
      yield examples;
    },
    step(examples) {
      const loss = mean(surprisals(examples.slice(0, lossExamplesMax)));
      weights = count(examples);
      return loss;
    },
    counts: true,
    weights: () => weights.slice(),
    close: () => undefined,
  };
}

/** Of all values; 0 without any. */
function mean(parts: Iterable<ArrayLike<number>>): number {
  let [sum, count] = [0, 0];
  for (const values of parts) {
    for (let at = 0; at < values.length; at++) sum += values[at] as number;
    count += values.length;
  }
  return sum / Math.max(1, count);
}
