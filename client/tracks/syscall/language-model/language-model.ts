/**
 * Next-call language model: an LSTM that has read the calls before and knows the workload's class says how likely each
 * call is. What it finds unlikely is what an intruder does. Kim et al., "LSTM-Based System-Call Language Modeling and Robust
 * Ensemble Method for Designing Host-Based Intrusion Detection Systems", arXiv 1611.01726; conditioned here on the
 * class by an embedding, and with the input embedding as output weights (Press and Wolf, EACL 2017).
 */
import type { Scalar, Tensor1D, Tensor2D, Tensor3D } from '@tensorflow/tfjs-node';
import { tf } from '#tensorflow';
import type { ModelSpec } from '../../../../proto/model-spec.ts';
import { blockLstm } from '../../neural/block-lstm.ts';
import { surprisal } from '../../neural/cross-entropy.ts';
import { glorotDeviation, initialWeights } from '../../neural/initial-weights.ts';
import { type Parameters, parameter } from '../../neural/parameters.ts';
import { unseenArguments } from './argument-buckets.ts';
import { type LanguageModelSizes, type PredictionBatch, predictionSpan } from './language-model-spec.ts';

const tables: ReadonlySet<string> = new Set(['embedding', 'class', 'argument']);

/** Weights to begin with. The same seed gives the same bits. */
export function initialLanguageModel(spec: ModelSpec, seed: number): Float32Array {
  return initialWeights(spec, seed, {
    deviationOf: (name, rows, columns) => (tables.has(name) ? 0.3 : glorotDeviation(rows, columns)),
    recurrent: new Set(['lstm.bias']),
  });
}

/**
 * −ln p of every predicted call, [predicted, size], in nats; the places of padding hold meaningless values. Where the model
 * reads arguments, also −ln p of the class of the call's arguments given the call: 0 where the source saw none.
 */
export function predictionSurprisal(
  parameters: Parameters,
  batch: PredictionBatch,
  sizes: LanguageModelSizes,
): { ofCalls: Tensor2D; ofArguments?: Tensor2D } {
  const { warmUp, predicted, hidden, classEmbedding } = sizes;
  const steps = warmUp + predicted;
  const embedding = parameter<Tensor2D>(parameters, 'embedding');
  const calls = tf.transpose(tf.tensor2d(batch.calls, [batch.size, steps + 1], 'int32')) as Tensor2D;
  const read = tf.gather(embedding, tf.slice2d(calls, [0, 0], [steps, batch.size])) as unknown as Tensor3D;
  const args = batch.arguments === undefined ? undefined : timeMajorArguments(parameters, batch.arguments, batch.size);
  const ofClass = tf.gather(parameter<Tensor2D>(parameters, 'class'), tf.tensor1d(batch.classes, 'int32'));
  const beside = (count: number) =>
    tf.tile(tf.reshape(ofClass, [1, batch.size, classEmbedding]), [count, 1, 1]) as Tensor3D;
  const states = blockLstm(
    tf.concat3d([read, ...(args === undefined ? [] : [rowsOf(args, 0, steps)]), beside(steps)], 2),
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
  const ofCalls = tf.reshape(surprisal(logits as Tensor2D, targets), [predicted, batch.size]) as Tensor2D;
  if (args === undefined) return { ofCalls };
  const called = tf.concat2d([rows, tf.gather(embedding, targets)], 1);
  return { ofCalls, ofArguments: argumentSurprisal(parameters, called, args, sizes) };
}

type Arguments = Readonly<{
  /** [steps + 1, size]. */
  ids: Tensor2D;
  /** [steps + 1, size, argumentEmbedding]. */
  embedded: Tensor3D;
}>;

function timeMajorArguments(parameters: Parameters, rows: Int32Array, size: number): Arguments {
  const ids = tf.transpose(tf.tensor2d(rows, [size, rows.length / size], 'int32')) as Tensor2D;
  return { ids, embedded: tf.gather(parameter<Tensor2D>(parameters, 'argument'), ids) as unknown as Tensor3D };
}

function rowsOf({ embedded }: Arguments, start: number, count: number): Tensor3D {
  const [, size, width] = embedded.shape;
  return tf.slice3d(embedded, [start, 0, 0], [count, size, width]);
}

/** called: what was known before each predicted call, and the call, [predicted · size, …]. Returns [predicted, size]. */
function argumentSurprisal(
  parameters: Parameters,
  called: Tensor2D,
  { ids }: Arguments,
  { warmUp, predicted }: LanguageModelSizes,
): Tensor2D {
  const size = ids.shape[1];
  const targets = tf.reshape(tf.slice2d(ids, [warmUp + 1, 0], [predicted, size]), [-1]) as Tensor1D;
  const guess = tf.matMul(called, parameter<Tensor2D>(parameters, 'argument.projection'));
  const logits = tf.add(
    tf.matMul(guess, parameter<Tensor2D>(parameters, 'argument'), false, true),
    parameter<Tensor1D>(parameters, 'argument.bias'),
  ) as Tensor2D;
  const seen = tf.cast(tf.notEqual(targets, unseenArguments), 'float32');
  return tf.reshape(tf.mul(surprisal(logits, targets), seen), [predicted, size]);
}

/** Mean surprisal of the predicted calls, each window counting `weights` [size]; padding does not count. Arguments add theirs. */
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
  const { ofCalls, ofArguments } = predictionSurprisal(parameters, batch, sizes);
  const all = ofArguments === undefined ? ofCalls : tf.add(ofCalls, ofArguments);
  const weighted = tf.mul(all, tf.tensor2d(counted, [predicted, batch.size]));
  return tf.div(tf.sum(weighted), Math.max(total, 1)) as Scalar;
}
