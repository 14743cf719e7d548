import type { Scalar, Tensor, Tensor1D } from '@tensorflow/tfjs-node';
import { tf } from '#tensorflow';
import { type Layout, layoutOf } from '../../../proto/layout.ts';
import type { ModelSpec } from '../../../proto/model-spec.ts';
import { type Parameters, parametersOf } from './parameters.ts';

export type StepOptions = Readonly<{
  /** Adam's step size. */
  learningRate: number;
  /** The gradient is scaled down to this L2 norm where it is longer. */
  clipNorm?: number;
  /** FedProx: adds (strength / 2)·‖w − anchor‖² to the loss (Li et al., MLSys 2020). The anchor is the round's base. */
  proximal?: number;
  /** Changes the clipped gradient, shape [d], before Adam sees it: where DP-SGD adds its noise. Runs inside a tidy. */
  privatize?: (gradient: Tensor1D) => Tensor1D;
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
    this.#steps += 1;
    const correction = Math.sqrt(1 - beta2 ** this.#steps) / (1 - beta1 ** this.#steps);
    const [loss, weights, mean, variance] = tf.tidy(() => {
      const { loss, gradient } = this.#gradient(lossOf, options);
      const mean = tf.add(tf.mul(this.#mean, beta1), tf.mul(gradient, 1 - beta1)) as Tensor1D;
      const variance = tf.add(tf.mul(this.#variance, beta2), tf.mul(tf.square(gradient), 1 - beta2)) as Tensor1D;
      const move = tf.div(tf.mul(mean, options.learningRate * correction), tf.add(tf.sqrt(variance), epsilon));
      return [loss, tf.sub(this.#weights, move) as Tensor1D, mean, variance] as const;
    });
    tf.dispose([this.#weights, this.#mean, this.#variance]);
    this.#weights = weights;
    this.#mean = mean;
    this.#variance = variance;
    const value = loss.dataSync()[0] ?? Number.NaN;
    loss.dispose();
    return value;
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

  #gradient(lossOf: LossOf, options: StepOptions): { loss: Scalar; gradient: Tensor1D } {
    const parameters = parametersOf(this.layout, this.#weights);
    const tensors = this.layout.slots.map((slot) => parameters[slot.name] as Tensor);
    const { value, grads } = tf.valueAndGrads((...tensors: Tensor[]) =>
      lossOf(Object.fromEntries(this.layout.slots.map((slot, index) => [slot.name, tensors[index] as Tensor]))),
    )(tensors);
    let gradient = tf.concat1d(grads.map((grad) => tf.reshape(grad, [-1]) as Tensor1D));
    if (options.proximal !== undefined && options.proximal > 0) {
      gradient = tf.add(gradient, tf.mul(tf.sub(this.#weights, this.#anchor), options.proximal));
    }
    if (options.clipNorm !== undefined) {
      const norm = tf.norm(gradient);
      gradient = tf.mul(gradient, tf.minimum(1, tf.div(options.clipNorm, tf.maximum(norm, 1e-12))));
    }
    return { loss: value as Scalar, gradient: options.privatize?.(gradient) ?? gradient };
  }
}
