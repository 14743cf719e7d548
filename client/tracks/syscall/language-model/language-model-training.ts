import type { ModelSpec } from '../../../../proto/model-spec.ts';
import type { Observed, Trained, TrainingOptions } from '../../detector.ts';
import { FlatTrainer } from '../../neural/flat-trainer.ts';
import { predictionLoss } from './language-model.ts';
import { languageModelClasses, languageModelSizes } from './language-model-spec.ts';
import { PredictionExamples } from './prediction-examples.ts';

/** Settings that bench/detection found good for the recorded traces' validation part. */
export const trainingDefaults = {
  batchSize: 64,
  learningRate: 0.01,
  clipNorm: 1,
  /** Share of examples whose workload class is hidden, so that the row of the unknown class is learnt too. */
  hideClass: 0.1,
} as const;

/** Trains the language model from `base`, which stays untouched, on traces: one client's work in one round. */
export function trainLanguageModel(
  spec: ModelSpec,
  base: Float32Array,
  traces: Iterable<Observed>,
  options: TrainingOptions,
): Trained {
  const sizes = languageModelSizes(spec);
  const examples = new PredictionExamples(traces, languageModelClasses(spec), sizes);
  return trainOnExamples(spec, base, examples, options);
}

/** As trainLanguageModel, with the traces cut already. */
function trainOnExamples(
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
