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
import { blockLstm, gatesPerCell } from '../neural/block-lstm.ts';
import { surprisal } from '../neural/cross-entropy.ts';
import { type Parameters, parameter } from '../neural/parameters.ts';
import { normalValues, seededRandom } from '../random.ts';
import { copyWindow } from './call-windows.ts';
import { vocabulary, vocabularyDigest } from './vocabulary.ts';
import { WorkloadClasses } from './workload-classes.ts';

const architecture = 'syscall-lstm-lm/1';

export type LanguageModelSizes = Readonly<{
  embedding: number;
  classEmbedding: number;
  hidden: number;
  /** Calls the network reads before the first that it must predict. */
  warmUp: number;
  /** Calls predicted per window. */
  predicted: number;
}>;

/** Some 34,000 weights: six rounds of eight clusters train in about a minute on two cores. */
const defaultLanguageModelSizes: LanguageModelSizes = {
  embedding: 32,
  classEmbedding: 16,
  hidden: 48,
  warmUp: 8,
  predicted: 16,
};

export function languageModelSpec(classes: WorkloadClasses, sizes = defaultLanguageModelSizes): ModelSpec {
  const { embedding, classEmbedding, hidden } = sizes;
  return {
    architecture,
    hyperparameters: { ...sizes, classes: classes.text, vocabulary: vocabularyDigest },
    tensors: [
      { name: 'embedding', shape: [vocabulary.length, embedding] },
      { name: 'class', shape: [classes.count, classEmbedding] },
      { name: 'lstm.weights', shape: [embedding + classEmbedding + hidden, gatesPerCell * hidden] },
      { name: 'lstm.bias', shape: [gatesPerCell * hidden] },
      { name: 'projection', shape: [hidden + classEmbedding, embedding] },
      { name: 'output.bias', shape: [vocabulary.length] },
    ],
  };
}

/** The sizes a spec was made with; throws when it is not this architecture's. */
export function languageModelSizes(spec: ModelSpec): LanguageModelSizes {
  if (spec.architecture !== architecture || spec.hyperparameters.vocabulary !== vocabularyDigest) {
    throw new RangeError(
      `model spec: expected architecture ${architecture} over this version's vocabulary, got ${spec.architecture}; use a model made by this version`,
    );
  }
  const size = (name: keyof LanguageModelSizes) => {
    const value = spec.hyperparameters[name];
    if (typeof value === 'number' && Number.isInteger(value) && value > 0 && value <= 4_096) return value;
    throw new RangeError(`model spec: ${name} must be a whole number from 1 to 4,096, got ${value}`);
  };
  return {
    embedding: size('embedding'),
    classEmbedding: size('classEmbedding'),
    hidden: size('hidden'),
    warmUp: size('warmUp'),
    predicted: size('predicted'),
  };
}

/** The workload classes a spec was made for. */
export function languageModelClasses(spec: ModelSpec): WorkloadClasses {
  return WorkloadClasses.parse(String(spec.hyperparameters.classes ?? ''));
}

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

/** Windows of equal shape, laid out for the network. */
export type PredictionBatch = Readonly<{
  size: number;
  /** [size, warmUp + predicted + 1]: what is read, and one further so that every predicted call is there as target. */
  calls: Int32Array;
  /** [size]: class ids. */
  classes: Int32Array;
}>;

/** Calls a prediction window spans: context, predicted calls, and the one before them. */
export function predictionSpan({ warmUp, predicted }: LanguageModelSizes): number {
  return warmUp + predicted + 1;
}

/** Copies the window that predicts calls `start` … `start + predicted` of a trace into place `index` of a batch. */
export function copyPrediction(
  batch: PredictionBatch,
  index: number,
  calls: Uint16Array,
  start: number,
  sizes: LanguageModelSizes,
): void {
  const span = predictionSpan(sizes);
  copyWindow(calls, start - sizes.warmUp - 1, span, batch.calls, index * span);
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
