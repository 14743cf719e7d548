import type { ClassName } from '../../proto/ids.ts';

/** What one step obeys. */
export type StepOptions = Readonly<{
  learningRate: number;
  /** The gradient is scaled down to this L2 norm where it is longer. */
  clipNorm?: number;
  /** FedProx: the weight of (1/2)·‖w − base‖² in the loss. */
  proximal?: number;
}>;

/** One step of which every example's share is bounded and hidden in noise: Abadi et al., CCS 2016, Algorithm 1. */
export type PrivateStepOptions = Readonly<{
  learningRate: number;
  proximal?: number;
  /** Each example's gradient is scaled down to this L2 norm: what one example can change of the sum. */
  clipNorm: number;
  /** Adds the noise to the sum of the clipped gradients, in place, shape [layout.length]. */
  addNoise(sum: Float32Array): void;
  /** The noisy sum is divided by this: how many examples a step has on average. */
  expectedExamples: number;
  /** Decides what is drawn of a long example, and what the model draws. */
  seed: number;
}>;

/** A model that learns. Whoever opens one closes it: native memory is not collected. */
export type Learner<Batch = unknown, Example = unknown> = Readonly<{
  /**
   * The batches of one epoch, in an order that depends on the seed alone; each holds about `batchSize` windows. Native
   * memory that a batch needs is taken and given back in `step`.
   */
  batches(examples: readonly Example[], batchSize: number, seed: number): Iterable<Batch>;
  /** One step down the loss on a batch; returns the loss before it. */
  step(batch: Batch, options: StepOptions): number;
  /**
   * One step on the examples that were sampled for it, none included: the noise alone moves the weights then. Returns the
   * mean loss before it, which is not private. Missing where gradients cannot be told apart by example.
   */
  privateStep?(examples: readonly Example[], options: PrivateStepOptions): number;
  /** A copy of the weights, shape [layout.length]. */
  weights(): Float32Array;
  /** Counts its examples instead of descending: what the same traces add elsewhere too is not to be counted here. */
  counts?: true;
  /** Of models with blocks by class: the classes that there were examples of, ascending. */
  classes?(): readonly ClassName[];
  close(): void;
}>;
