/**
 * Next-call language model: an LSTM that has read the calls before and knows the workload's class says how likely each
 * call is. What it finds unlikely is what an intruder does. Kim et al., "LSTM-Based System-Call Language Modeling and Robust
 * Ensemble Method for Designing Host-Based Intrusion Detection Systems", arXiv 1611.01726; conditioned here on the
 * class by an embedding, and with the input embedding as output weights (Press and Wolf, EACL 2017).
 */
import type { Scalar, Tensor1D, Tensor2D, Tensor3D } from '@tensorflow/tfjs-node';
import { tf } from '#tensorflow';
import { layoutOf } from '../../../proto/layout.ts';
import type { ModelSpec } from '../../../proto/model-spec.ts';
import { blockLstm } from '../neural/block-lstm.ts';
import { surprisal } from '../neural/cross-entropy.ts';
import { gatesPerCell } from '../neural/gates-per-cell.ts';
import { type Parameters, parameter } from '../neural/parameters.ts';
import { normalValues, seededRandom } from '../random.ts';
import { type LanguageModelSizes, type PredictionBatch, predictionSpan } from './language-model-spec.ts';

/** Weights to begin with: Glorot-like normal values, forget gates open (bias 1). The same seed gives the same bits. */
export function initialLanguageModel(spec: ModelSpec, seed: number): Float32Array {
  const random = seededRandom(seed);
  const layout = layoutOf(spec);
  const flat = new Float32Array(layout.length);
  for (const slot of layout.slots) {
    const values = flat.subarray(slot.offset, slot.offset + slot.length);
    const [rows = 1, columns] = slot.shape;
    if (slot.name === 'lstm.bias') values.fill(1, slot.length / gatesPerCell, (2 * slot.length) / gatesPerCell);
    else if (columns !== undefined) {
      const isTable = slot.name === 'embedding' || slot.name === 'class';
      values.set(normalValues(slot.length, isTable ? 0.3 : Math.sqrt(2 / (rows + columns)), random));
    }
  }
  return flat;
}

/** −ln p of every predicted call, [predicted, size], in nats; the places of padding hold meaningless values. */
export function predictionSurprisal(
  parameters: Parameters,
  batch: PredictionBatch,
  sizes: LanguageModelSizes,
): Tensor2D {
  const { warmUp, predicted, hidden, classEmbedding } = sizes;
  const steps = warmUp + predicted;
  const embedding = parameter<Tensor2D>(parameters, 'embedding');
  const calls = tf.transpose(tf.tensor2d(batch.calls, [batch.size, steps + 1], 'int32')) as Tensor2D;
  const read = tf.gather(embedding, tf.slice2d(calls, [0, 0], [steps, batch.size])) as unknown as Tensor3D;
  const ofClass = tf.gather(parameter<Tensor2D>(parameters, 'class'), tf.tensor1d(batch.classes, 'int32'));
  const beside = (count: number) =>
    tf.tile(tf.reshape(ofClass, [1, batch.size, classEmbedding]), [count, 1, 1]) as Tensor3D;
  const states = blockLstm(
    tf.concat3d([read, beside(steps)], 2),
    parameter<Tensor2D>(parameters, 'lstm.weights'),
    parameter<Tensor1D>(parameters, 'lstm.bias'),
  );
  const known = tf.concat3d(
    [tf.slice3d(states, [warmUp, 0, 0], [predicted, batch.size, hidden]), beside(predicted)],
    2,
  );
  const rows = tf.reshape(known, [predicted * batch.size, hidden + classEmbedding]) as Tensor2D;
  const guess = tf.matMul(rows, parameter<Tensor2D>(parameters, 'projection'));
  const logits = tf.add(tf.matMul(guess, embedding, false, true), parameter<Tensor1D>(parameters, 'output.bias'));
  const targets = tf.reshape(tf.slice2d(calls, [warmUp + 1, 0], [predicted, batch.size]), [-1]) as Tensor1D;
  return tf.reshape(surprisal(logits as Tensor2D, targets), [predicted, batch.size]);
}

/** Mean surprisal of the predicted calls, each window counting `weights` [size]; padding does not count. */
export function predictionLoss(
  parameters: Parameters,
  batch: PredictionBatch,
  weights: Float32Array,
  sizes: LanguageModelSizes,
): Scalar {
  const { warmUp, predicted } = sizes;
  const span = predictionSpan(sizes);
  const counted = new Float32Array(predicted * batch.size);
  let total = 0;
  for (let place = 0; place < predicted; place++) {
    for (let index = 0; index < batch.size; index++) {
      const isCall = batch.calls[index * span + warmUp + 1 + place] !== 0;
      const weight = isCall ? (weights[index] as number) : 0;
      counted[place * batch.size + index] = weight;
      total += weight;
    }
  }
  const all = predictionSurprisal(parameters, batch, sizes);
  const weighted = tf.mul(all, tf.tensor2d(counted, [predicted, batch.size]));
  return tf.div(tf.sum(weighted), Math.max(total, 1)) as Scalar;
}
