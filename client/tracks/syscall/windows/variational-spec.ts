/** The variational autoencoder's sizes and spec; the network itself is variational-autoencoder.ts. */
import type { ModelSpec } from '../../../../proto/model-spec.ts';
import { vocabulary, vocabularyDigest } from '../../../events/vocabulary.ts';
import { gatesPerCell } from '../../neural/gates-per-cell.ts';
import type { WorkloadClasses } from '../traces/workload-classes.ts';
import { windowSizes } from './window-sizes.ts';

const architecture = 'syscall-lstm-vae/1';

/**
 * How much of the divergence counts in the loss (Higgins et al., β-VAE, ICLR 2017). At 1 a decoder as strong as an LSTM
 * learns to ignore z (posterior collapse, Bowman et al.); a tenth keeps z informative.
 */
export const divergenceWeight = 0.1;

export type VariationalSizes = Readonly<{
  window: number;
  vocabulary: number;
  embedding: number;
  hidden: number;
  latent: number;
}>;

const defaultSizes: VariationalSizes = {
  window: 20,
  vocabulary: vocabulary.length,
  embedding: 32,
  hidden: 64,
  latent: 16,
};

/** Classes are part of the spec so that scoring knows the workloads; the network itself is the same for all. */
export function variationalSpec(classes: WorkloadClasses, sizes: VariationalSizes = defaultSizes): ModelSpec {
  const { embedding, hidden, latent } = sizes;
  return {
    architecture,
    hyperparameters: { ...sizes, classes: classes.text, vocabularyDigest },
    tensors: [
      { name: 'embedding', shape: [sizes.vocabulary, embedding] },
      { name: 'encoder.weights', shape: [embedding + hidden, gatesPerCell * hidden] },
      { name: 'encoder.bias', shape: [gatesPerCell * hidden] },
      { name: 'latent.weights', shape: [hidden, 2 * latent] },
      { name: 'latent.bias', shape: [2 * latent] },
      { name: 'decoder.weights', shape: [latent + hidden, gatesPerCell * hidden] },
      { name: 'decoder.bias', shape: [gatesPerCell * hidden] },
      { name: 'output.weights', shape: [hidden, sizes.vocabulary] },
      { name: 'output.bias', shape: [sizes.vocabulary] },
    ],
  };
}

/** Throws a RangeError for a spec of another architecture or version. */
export function variationalSizes(spec: ModelSpec): VariationalSizes {
  return windowSizes(spec, architecture, ['window', 'vocabulary', 'embedding', 'hidden', 'latent']);
}
