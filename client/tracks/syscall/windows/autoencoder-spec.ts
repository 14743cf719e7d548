/** The LSTM autoencoder's sizes and spec; the network itself is autoencoder.ts. */
import type { ModelSpec } from '../../../../proto/model-spec.ts';
import { vocabulary, vocabularyDigest } from '../../../events/vocabulary.ts';
import { gatesPerCell } from '../../neural/gates-per-cell.ts';
import type { WorkloadClasses } from '../traces/workload-classes.ts';
import { windowSizes } from './window-sizes.ts';

const architecture = 'syscall-lstm-autoencoder/1';

export type AutoencoderSizes = Readonly<{
  /** Calls in a window. */
  window: number;
  vocabulary: number;
  embedding: number;
  hidden: number;
}>;

const defaultSizes: AutoencoderSizes = { window: 20, vocabulary: vocabulary.length, embedding: 32, hidden: 64 };

/** Classes are part of the spec so that scoring knows the workloads; the network itself is the same for all. */
export function autoencoderSpec(classes: WorkloadClasses, sizes = defaultSizes): ModelSpec {
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

/** Throws a RangeError for a spec of another architecture or version. */
export function autoencoderSizes(spec: ModelSpec): AutoencoderSizes {
  return windowSizes(spec, architecture, ['window', 'vocabulary', 'embedding', 'hidden']);
}
