/**
 * LSTM autoencoder of call windows: an encoder reads a window into one vector, a decoder writes the window again from that
 * vector alone; what it cannot write again is unusual. Malhotra et al., "LSTM-based Encoder-Decoder for Multi-sensor Anomaly
 * Detection", ICML 2016 workshop; on ids with an embedding and softmax as in Du et al., "DeepLog", CCS 2017.
 */
import type { Scalar, Tensor1D, Tensor2D, Tensor3D } from '@tensorflow/tfjs-node';
import { tf } from '#tensorflow';
import { layoutOf } from '../../../proto/layout.ts';
import type { ModelSpec } from '../../../proto/model-spec.ts';
import { blockLstm, gatesPerCell, repeatedInputLstm } from '../neural/block-lstm.ts';
import { surprisal } from '../neural/cross-entropy.ts';
import { type Parameters, parameter } from '../neural/parameters.ts';
import { normalValues, seededRandom } from '../random.ts';
import { padId, vocabulary, vocabularyDigest } from './vocabulary.ts';
import type { WorkloadClasses } from './workload-classes.ts';

const architecture = 'syscall-lstm-autoencoder/1';

export type AutoencoderSizes = Readonly<{
  /** Calls in a window. */
  window: number;
  vocabulary: number;
  embedding: number;
  hidden: number;
}>;

const defaultAutoencoderSizes: AutoencoderSizes = {
  window: 20,
  vocabulary: vocabulary.length,
  embedding: 32,
  hidden: 64,
};

/** Classes are part of the spec so that scoring knows the workloads; the network itself is the same for all. */
export function autoencoderSpec(classes: WorkloadClasses, sizes = defaultAutoencoderSizes): ModelSpec {
  const { embedding, hidden } = sizes;
  return {
    architecture,
    hyperparameters: { ...sizes, classes: classes.text, vocabularyDigest },
    tensors: [
      { name: 'embedding', shape: [sizes.vocabulary, embedding] },
      { name: 'encoder.weights', shape: [embedding + hidden, gatesPerCell * hidden] },
      { name: 'encoder.bias', shape: [gatesPerCell * hidden] },
      { name: 'decoder.weights', shape: [2 * hidden, gatesPerCell * hidden] },
      { name: 'decoder.bias', shape: [gatesPerCell * hidden] },
      { name: 'output.weights', shape: [hidden, sizes.vocabulary] },
      { name: 'output.bias', shape: [sizes.vocabulary] },
    ],
  };
}

export function isAutoencoder(spec: ModelSpec): boolean {
  return spec.architecture === architecture;
}

/** The sizes a spec was made with; throws when it is not this architecture's or of another vocabulary. */
export function autoencoderSizes(spec: ModelSpec): AutoencoderSizes {
  if (!isAutoencoder(spec) || spec.hyperparameters.vocabularyDigest !== vocabularyDigest) {
    throw new RangeError(
      `model spec: expected ${architecture} over this version's vocabulary, got ${spec.architecture}; use a model made by this version`,
    );
  }
  const size = (name: keyof AutoencoderSizes) => {
    const value = spec.hyperparameters[name];
    if (typeof value === 'number' && Number.isInteger(value) && value > 0 && value <= 4_096) return value;
    throw new RangeError(`model spec: ${name} must be a whole number from 1 to 4,096, got ${value}`);
  };
  return {
    window: size('window'),
    vocabulary: size('vocabulary'),
    embedding: size('embedding'),
    hidden: size('hidden'),
  };
}

/** Weights to begin with: Glorot-like normal values, forget gates open (bias 1). The same seed gives the same bits. */
export function initialAutoencoder(spec: ModelSpec, seed: number): Float32Array {
  const random = seededRandom(seed);
  const layout = layoutOf(spec);
  const flat = new Float32Array(layout.length);
  for (const { name, shape, offset, length } of layout.slots) {
    const values = flat.subarray(offset, offset + length);
    const [rows = 1, columns] = shape;
    if (columns !== undefined) {
      values.set(normalValues(length, name === 'embedding' ? 0.3 : Math.sqrt(2 / (rows + columns)), random));
    } else if (name !== 'output.bias') values.fill(1, length / gatesPerCell, (2 * length) / gatesPerCell);
  }
  return flat;
}

/** What the decoder fails to write again, −ln p of each call, [window, batch], in nats. windows: ids, [batch × window]. */
export function reconstructionSurprisal(
  parameters: Parameters,
  windows: Int32Array,
  sizes: AutoencoderSizes,
): Tensor2D {
  const { window, hidden, vocabulary } = sizes;
  const batch = windows.length / window;
  const calls = tf.transpose(tf.tensor2d(windows, [batch, window], 'int32')) as Tensor2D;
  const read = tf.gather(parameter<Tensor2D>(parameters, 'embedding'), calls) as unknown as Tensor3D;
  const encoded = blockLstm(
    read,
    parameter<Tensor2D>(parameters, 'encoder.weights'),
    parameter<Tensor1D>(parameters, 'encoder.bias'),
  );
  const summary = tf.reshape(tf.slice3d(encoded, [window - 1, 0, 0], [1, batch, hidden]), [batch, hidden]);
  const decoded = repeatedInputLstm(
    summary as Tensor2D,
    window,
    parameter<Tensor2D>(parameters, 'decoder.weights'),
    parameter<Tensor1D>(parameters, 'decoder.bias'),
  );
  const rows = tf.reshape(decoded, [window * batch, hidden]) as Tensor2D;
  const logits = tf.add(
    tf.matMul(rows, parameter<Tensor2D>(parameters, 'output.weights')),
    parameter<Tensor1D>(parameters, 'output.bias'),
  );
  const written = surprisal(tf.reshape(logits, [window * batch, vocabulary]), tf.reshape(calls, [-1]) as Tensor1D);
  return tf.reshape(written, [window, batch]);
}

/** Mean surprisal over the calls of a batch of windows; padding does not count. */
export function reconstructionLoss(parameters: Parameters, windows: Int32Array, sizes: AutoencoderSizes): Scalar {
  const { window } = sizes;
  const batch = windows.length / window;
  const counted = new Float32Array(windows.length);
  let total = 0;
  for (let place = 0; place < window; place++) {
    for (let index = 0; index < batch; index++) {
      if (windows[index * window + place] === padId) continue;
      counted[place * batch + index] = 1;
      total++;
    }
  }
  const all = reconstructionSurprisal(parameters, windows, sizes);
  const kept = total === windows.length ? all : tf.mul(all, tf.tensor2d(counted, [window, batch]));
  return tf.div(tf.sum(kept), Math.max(total, 1)) as Scalar;
}
