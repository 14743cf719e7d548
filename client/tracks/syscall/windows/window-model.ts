/**
 * What the networks that read fixed windows of calls have in common: the sizes their specs state, how a batch of windows
 * becomes tensors, and which calls of it count.
 */
import type { Scalar, Tensor1D, Tensor2D, Tensor3D } from '@tensorflow/tfjs-node';
import { tf } from '#tensorflow';
import type { ModelSpec } from '../../../../proto/model-spec.ts';
import { padId } from '../../../events/vocabulary.ts';
import { surprisal } from '../../neural/cross-entropy.ts';
import { glorotDeviation, initialWeights } from '../../neural/initial-weights.ts';
import { type Parameters, parameter } from '../../neural/parameters.ts';

/** A network that writes a window again. `windows` are ids, [batch × window], one window after the other. */
export type WindowModel = Readonly<{
  spec: ModelSpec;
  /** Calls in a window. */
  window: number;
  /** What training lowers, in nats per call; differentiable. `seed` decides what is drawn, where the model draws. */
  loss(parameters: Parameters, windows: Int32Array, seed: number): Scalar;
  /** How unexpected each call is, [window, batch], in nats. The same for the same windows: nothing is drawn. */
  surprisal(parameters: Parameters, windows: Int32Array): Tensor2D;
}>;

/** Weights to begin with, for an encoder and a decoder that are LSTMs. The same seed gives the same bits. */
export function initialWindowWeights(spec: ModelSpec, seed: number): Float32Array {
  return initialWeights(spec, seed, {
    deviationOf: (name, rows, columns) => (name === 'embedding' ? 0.3 : glorotDeviation(rows, columns)),
    recurrent: new Set(['encoder.bias', 'decoder.bias']),
  });
}

/** Ids of a batch, time-major: [window, batch]. */
export function timeMajor(windows: Int32Array, window: number): Tensor2D {
  return tf.transpose(tf.tensor2d(windows, [windows.length / window, window], 'int32')) as Tensor2D;
}

/** What each call is embedded as, [window, batch, embedding]. */
export function embedded(parameters: Parameters, calls: Tensor2D): Tensor3D {
  return tf.gather(parameter<Tensor2D>(parameters, 'embedding'), calls) as unknown as Tensor3D;
}

/** −ln p of each call where `decoded`, [window, batch, hidden], is read by the output layer: [window, batch], nats. */
export function writtenSurprisal(parameters: Parameters, decoded: Tensor3D, calls: Tensor2D): Tensor2D {
  const [window, batch, hidden] = decoded.shape;
  const rows = tf.reshape(decoded, [window * batch, hidden]) as Tensor2D;
  const logits = tf.add(
    tf.matMul(rows, parameter<Tensor2D>(parameters, 'output.weights')),
    parameter<Tensor1D>(parameters, 'output.bias'),
  ) as Tensor2D;
  return tf.reshape(surprisal(logits, tf.reshape(calls, [-1]) as Tensor1D), [window, batch]);
}

/** Mean over the calls of a batch; padding does not count. surprisals: [window, batch]. */
export function meanOverCalls(surprisals: Tensor2D, windows: Int32Array): Scalar {
  const [window, batch] = surprisals.shape;
  const counted = new Float32Array(windows.length);
  let total = 0;
  for (let place = 0; place < window; place++) {
    for (let index = 0; index < batch; index++) {
      if (windows[index * window + place] === padId) continue;
      counted[place * batch + index] = 1;
      total++;
    }
  }
  const kept = total === windows.length ? surprisals : tf.mul(surprisals, tf.tensor2d(counted, [window, batch]));
  return tf.div(tf.sum(kept), Math.max(total, 1)) as Scalar;
}
