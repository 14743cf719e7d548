/** What one step obeys. */
export type StepOptions = Readonly<{
  learningRate: number;
  /** The gradient is scaled down to this L2 norm where it is longer. */
  clipNorm?: number;
  /** FedProx: the weight of (1/2)·‖w − base‖² in the loss. */
  proximal?: number;
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
  /** A copy of the weights, shape [layout.length]. */
  weights(): Float32Array;
  close(): void;
}>;
