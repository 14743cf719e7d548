/**
 * LSTM autoencoder of call windows: an encoder reads a window into one vector, a decoder writes the window again from that
 * vector alone; what it cannot write again is unusual. Malhotra et al., "LSTM-based Encoder-Decoder for Multi-sensor Anomaly
 * Detection", ICML 2016 workshop; on ids with an embedding and softmax as in Du et al., "DeepLog", CCS 2017.
 */
import type { Tensor1D, Tensor2D } from '@tensorflow/tfjs-node';
import { tf } from '#tensorflow';
import type { ModelSpec } from '../../../../proto/model-spec.ts';
import { blockLstm, repeatedInputLstm } from '../../neural/block-lstm.ts';
import { type Parameters, parameter } from '../../neural/parameters.ts';
import { type AutoencoderSizes, autoencoderSizes } from './autoencoder-spec.ts';
import {
  embedded,
  initialWindowWeights,
  meanOverCalls,
  timeMajor,
  type WindowModel,
  writtenSurprisal,
} from './window-model.ts';

export function initialAutoencoder(spec: ModelSpec, seed: number): Float32Array {
  return initialWindowWeights(spec, seed);
}

/** Throws a RangeError for a spec of another architecture or version. */
export function autoencoderModel(spec: ModelSpec): WindowModel {
  const sizes = autoencoderSizes(spec);
  return {
    spec,
    window: sizes.window,
    loss: (parameters, windows) => meanOverCalls(reconstruction(parameters, windows, sizes), windows),
    surprisal: (parameters, windows) => reconstruction(parameters, windows, sizes),
  };
}

/** What the decoder fails to write again, −ln p of each call, [window, batch], in nats. */
function reconstruction(parameters: Parameters, windows: Int32Array, { window, hidden }: AutoencoderSizes): Tensor2D {
  const batch = windows.length / window;
  const calls = timeMajor(windows, window);
  const encoded = blockLstm(
    embedded(parameters, calls),
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
  return writtenSurprisal(parameters, decoded, calls);
}
