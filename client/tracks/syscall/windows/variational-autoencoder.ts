/**
 * Variational autoencoder of call windows (Kingma and Welling, "Auto-Encoding Variational Bayes", ICLR 2014; recurrent on
 * both sides as in Bowman et al., CoNLL 2016): a window is read into a normal distribution over `latent` numbers, written
 * again from a draw of it, and training maximises the evidence lower bound, ELBO = E[ln p(window | z)] − KL(q(z) ‖ N(0, I)).
 * Scores use the distribution's mean instead of a draw, so the same window always gets the same score.
 */
import type { Tensor1D, Tensor2D } from '@tensorflow/tfjs-node';
import { tf } from '#tensorflow';
import { normalValues, seededRandom } from '../../../../base/random.ts';
import type { ModelSpec } from '../../../../proto/model-spec.ts';
import { blockLstm, repeatedInputLstm } from '../../neural/block-lstm.ts';
import { type Parameters, parameter } from '../../neural/parameters.ts';
import { divergenceWeight, type VariationalSizes, variationalSizes } from './variational-spec.ts';
import {
  embedded,
  initialWindowWeights,
  meanOverCalls,
  timeMajor,
  type WindowModel,
  writtenSurprisal,
} from './window-model.ts';

export function initialVariational(spec: ModelSpec, seed: number): Float32Array {
  return initialWindowWeights(spec, seed);
}

/** Throws a RangeError for a spec of another architecture or version. */
export function variationalModel(spec: ModelSpec): WindowModel {
  const sizes = variationalSizes(spec);
  return {
    spec,
    window: sizes.window,
    loss(parameters, windows, seed) {
      const calls = timeMajor(windows, sizes.window);
      const { mean, logVariance } = posterior(parameters, calls, sizes);
      const draws = tf.tensor2d(normalValues(mean.size, 1, seededRandom(seed)), mean.shape);
      const z = tf.add(mean, tf.mul(draws, tf.exp(tf.mul(logVariance, 0.5)))) as Tensor2D;
      const written = meanOverCalls(decoded(parameters, z, calls, sizes), windows);
      const divergences = divergence(mean, logVariance);
      return tf.add(written, tf.mul(tf.mean(divergences), divergenceWeight / sizes.window));
    },
    /** A window's divergence is shared out over its calls: an unusual whole is unusual in every place. */
    surprisal(parameters, windows) {
      const calls = timeMajor(windows, sizes.window);
      const { mean, logVariance } = posterior(parameters, calls, sizes);
      const shared = tf.mul(divergence(mean, logVariance), divergenceWeight / sizes.window);
      return tf.add(decoded(parameters, mean, calls, sizes), tf.expandDims(shared, 0)) as Tensor2D;
    },
  };
}

/** q(z | window): [batch, latent] each. */
function posterior(parameters: Parameters, calls: Tensor2D, { window, hidden, latent }: VariationalSizes) {
  const batch = calls.shape[1];
  const encoded = blockLstm(
    embedded(parameters, calls),
    parameter<Tensor2D>(parameters, 'encoder.weights'),
    parameter<Tensor1D>(parameters, 'encoder.bias'),
  );
  const summary = tf.reshape(tf.slice3d(encoded, [window - 1, 0, 0], [1, batch, hidden]), [batch, hidden]) as Tensor2D;
  const both = tf.add(
    tf.matMul(summary, parameter<Tensor2D>(parameters, 'latent.weights')),
    parameter<Tensor1D>(parameters, 'latent.bias'),
  ) as Tensor2D;
  const mean = tf.slice2d(both, [0, 0], [batch, latent]);
  // Bounded, so that exp() of what hostile weights make of it stays finite.
  const logVariance = tf.clipByValue(tf.slice2d(both, [0, latent], [batch, latent]), -8, 8);
  return { mean, logVariance };
}

/** −ln p of each call under the decoder, [window, batch], in nats. z: [batch, latent]. */
function decoded(parameters: Parameters, z: Tensor2D, calls: Tensor2D, { window }: VariationalSizes): Tensor2D {
  const states = repeatedInputLstm(
    z,
    window,
    parameter<Tensor2D>(parameters, 'decoder.weights'),
    parameter<Tensor1D>(parameters, 'decoder.bias'),
  );
  return writtenSurprisal(parameters, states, calls);
}

/** KL(N(mean, exp(logVariance)) ‖ N(0, I)) of each window, [batch], in nats. */
function divergence(mean: Tensor2D, logVariance: Tensor2D): Tensor1D {
  const terms = tf.sub(tf.add(tf.square(mean), tf.exp(logVariance)), tf.add(logVariance, 1));
  return tf.mul(tf.sum(terms, 1), 0.5) as Tensor1D;
}
