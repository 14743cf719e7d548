import type { Tensor1D } from '@tensorflow/tfjs-node';
import type { ModelSpec } from '../../../proto/model-spec.ts';
import { FlatTrainer } from '../neural/flat-trainer.ts';
import { languageModelClasses, languageModelSizes, predictionLoss } from './language-model.ts';
import { PredictionExamples } from './prediction-examples.ts';
import type { Trace } from './trace.ts';

export type TrainingOptions = Readonly<{
  /** Decides the order of examples: the same seed, traces and steps give the same weights to the bit. */
  seed: number;
  /** At most so many steps. */
  steps: number;
  /** Stops earlier once this much time has passed; the result then depends on the machine's speed. */
  secondsMax?: number;
  batchSize?: number;
  learningRate?: number;
  clipNorm?: number;
  /** FedProx strength towards the base weights. */
  proximal?: number;
  /** Noise on the clipped gradient, for DP-SGD. */
  privatize?: (gradient: Tensor1D) => Tensor1D;
  /** Share of examples whose workload class is hidden, so that the unknown class is learnt too. */
  hideClass?: number;
  signal?: AbortSignal;
}>;

export type Trained = Readonly<{
  /** Flat, of the spec's layout. */
  weights: Float32Array;
  steps: number;
  /** Distinct windows there were to learn from: the example count of an update. */
  examples: number;
  /** Mean loss over the last tenth of the steps, nats per call. NaN when there was nothing to learn from. */
  loss: number;
}>;

/** Settings that bench/detection found good for the recorded traces' validation part. */
export const trainingDefaults = { batchSize: 64, learningRate: 0.01, clipNorm: 1, hideClass: 0.1 } as const;

/** Trains the language model from `base`, which stays untouched, on traces: one client's work in one round. */
export function trainLanguageModel(
  spec: ModelSpec,
  base: Float32Array,
  traces: Iterable<Pick<Trace, 'calls' | 'service'>>,
  options: TrainingOptions,
): Trained {
  const sizes = languageModelSizes(spec);
  const examples = new PredictionExamples(traces, languageModelClasses(spec), sizes);
  return trainOnExamples(spec, base, examples, options);
}

/** As trainLanguageModel, for callers that train on the same traces again and cut them only once. */
export function trainOnExamples(
  spec: ModelSpec,
  base: Float32Array,
  examples: PredictionExamples,
  options: TrainingOptions,
): Trained {
  const sizes = languageModelSizes(spec);
  const settings = { ...trainingDefaults, ...options };
  const trainer = new FlatTrainer(spec, base);
  const losses: number[] = [];
  const endsAt = performance.now() + (options.secondsMax ?? Number.POSITIVE_INFINITY) * 1e3;
  try {
    for (const { batch, weights } of examples.batches(settings.batchSize, options.seed, settings.hideClass)) {
      if (losses.length >= options.steps || performance.now() >= endsAt || options.signal?.aborted) break;
      losses.push(trainer.step((parameters) => predictionLoss(parameters, batch, weights, sizes), settings));
    }
    const last = losses.slice(-Math.max(1, Math.ceil(losses.length / 10)));
    const loss = last.reduce((sum, value) => sum + value, 0) / last.length;
    return { weights: trainer.weights(), steps: losses.length, examples: examples.count, loss };
  } finally {
    trainer.close();
  }
}
