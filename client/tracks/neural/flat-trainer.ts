import type { Scalar, Tensor, Tensor1D } from '@tensorflow/tfjs-node';
import { tf } from '#tensorflow';
import { type Layout, layoutOf } from '../../../proto/layout.ts';
import type { ModelSpec } from '../../../proto/model-spec.ts';
import type { PrivateStepOptions } from '../learner.ts';
import { type Parameters, parametersOf } from './parameters.ts';

export type StepOptions = Readonly<{
  /** Adam's step size. */
  learningRate: number;
  /** The gradient is scaled down to this L2 norm where it is longer. */
  clipNorm?: number;
  /** FedProx: adds (strength / 2)·‖w − anchor‖² to the loss (Li et al., MLSys 2020). The anchor is the round's base. */
  proximal?: number;
}>;

export type LossOf = (parameters: Parameters) => Scalar;

const beta1 = 0.9;
const beta2 = 0.999;
const epsilon = 1e-8;

/**
 * Adam (Kingma and Ba 2015) on one flat vector, the form in which weights travel: clipping, the proximal term and
 * privacy noise are each one operation on [d], whatever the number of tensors. Holds four native vectors of shape [d];
 * `close()` frees them.
 */
export class FlatTrainer {
  readonly layout: Layout;
  #weights: Tensor1D;
  #mean: Tensor1D;
  #variance: Tensor1D;
  readonly #anchor: Tensor1D;
  #steps = 0;

  /** weights: shape [d], copied. They are also the anchor of the proximal term. */
  constructor(spec: ModelSpec, weights: Float32Array) {
    this.layout = layoutOf(spec);
    if (weights.length !== this.layout.length) {
      throw new RangeError(`flat weights: expected ${this.layout.length} values, got ${weights.length}`);
    }
    this.#weights = tf.tensor1d(weights.slice());
    this.#anchor = this.#weights.clone();
    this.#mean = tf.zerosLike(this.#weights);
    this.#variance = tf.zerosLike(this.#weights);
  }

  /** One step down the loss; returns the loss before it, without the proximal term. */
  step(lossOf: LossOf, options: StepOptions): number {
    const { loss, gradient } = tf.tidy(() => this.#gradient(lossOf, options));
    this.#descend(gradient, options.learningRate);
    return scalarOf(loss);
  }

  /**
   * One step of differentially private descent (Abadi et al., CCS 2016): each example's gradient is clipped by itself, then
   * they are summed, noised and divided by `expectedExamples`. The proximal term knows no example and comes after the noise.
   * Returns the mean loss before the step, 0 without examples.
   */
  privateStep(losses: readonly LossOf[], options: Omit<PrivateStepOptions, 'seed'>): number {
    const { sum, loss } = this.clippedSum(losses, options.clipNorm);
    options.addNoise(sum);
    const gradient = tf.tidy(() => {
      const mean = tf.div(tf.tensor1d(sum), options.expectedExamples) as Tensor1D;
      return this.#towardsAnchor(mean, options.proximal);
    });
    this.#descend(gradient, options.learningRate);
    return loss;
  }

  /** Sum of the gradients of single examples, each scaled down to L2 norm `clipNorm`, shape [d]; and the mean loss. */
  clippedSum(losses: readonly LossOf[], clipNorm: number): { sum: Float32Array; loss: number } {
    let sum: Tensor1D = tf.zerosLike(this.#weights);
    let total = 0;
    for (const lossOf of losses) {
      const { loss, next } = tf.tidy(() => {
        const { loss, gradient } = this.#gradient(lossOf, { clipNorm });
        return { loss, next: tf.add(sum, gradient) as Tensor1D };
      });
      sum.dispose();
      sum = next;
      total += scalarOf(loss);
    }
    const values = sum.dataSync<'float32'>().slice();
    sum.dispose();
    return { sum: values, loss: total / Math.max(1, losses.length) };
  }

  /** Runs `use` with the current weights inside a tidy. */
  withParameters<Result extends Tensor | Tensor[]>(use: (parameters: Parameters) => Result): Result {
    return tf.tidy(() => use(parametersOf(this.layout, this.#weights)));
  }

  /** A copy of the current weights, shape [d]. */
  weights(): Float32Array {
    return this.#weights.dataSync<'float32'>().slice();
  }

  close(): void {
    tf.dispose([this.#weights, this.#anchor, this.#mean, this.#variance]);
  }

  /** Adam's move along a gradient, which is freed. */
  #descend(gradient: Tensor1D, learningRate: number): void {
    this.#steps += 1;
    const correction = Math.sqrt(1 - beta2 ** this.#steps) / (1 - beta1 ** this.#steps);
    const [weights, mean, variance] = tf.tidy(() => {
      const mean = tf.add(tf.mul(this.#mean, beta1), tf.mul(gradient, 1 - beta1)) as Tensor1D;
      const variance = tf.add(tf.mul(this.#variance, beta2), tf.mul(tf.square(gradient), 1 - beta2)) as Tensor1D;
      const move = tf.div(tf.mul(mean, learningRate * correction), tf.add(tf.sqrt(variance), epsilon));
      return [tf.sub(this.#weights, move) as Tensor1D, mean, variance] as const;
    });
    tf.dispose([gradient, this.#weights, this.#mean, this.#variance]);
    this.#weights = weights;
    this.#mean = mean;
    this.#variance = variance;
  }

  #towardsAnchor(gradient: Tensor1D, proximal = 0): Tensor1D {
    if (proximal <= 0) return gradient;
    return tf.add(gradient, tf.mul(tf.sub(this.#weights, this.#anchor), proximal));
  }

  #gradient(lossOf: LossOf, options: Omit<StepOptions, 'learningRate'>): { loss: Scalar; gradient: Tensor1D } {
    const parameters = parametersOf(this.layout, this.#weights);
    const tensors = this.layout.slots.map((slot) => parameters[slot.name] as Tensor);
    const { value, grads } = tf.valueAndGrads((...tensors: Tensor[]) =>
      lossOf(Object.fromEntries(this.layout.slots.map((slot, index) => [slot.name, tensors[index] as Tensor]))),
    )(tensors);
    let gradient = tf.concat1d(grads.map((grad) => tf.reshape(grad, [-1]) as Tensor1D));
    gradient = this.#towardsAnchor(gradient, options.proximal);
    if (options.clipNorm !== undefined) {
      const norm = tf.norm(gradient);
      gradient = tf.mul(gradient, tf.minimum(1, tf.div(options.clipNorm, tf.maximum(norm, 1e-12))));
    }
    return { loss: value as Scalar, gradient };
  }
}

function scalarOf(tensor: Scalar): number {
  const value = tensor.dataSync()[0] ?? Number.NaN;
  tensor.dispose();
  return value;
}
