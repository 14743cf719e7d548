import type { Observed, Trained, TrainingOptions } from '../../detector.ts';
import { FlatTrainer } from '../../neural/flat-trainer.ts';
import { WindowBatches } from './window-batches.ts';
import type { WindowModel } from './window-model.ts';

const trainingDefaults = { batchSize: 64, learningRate: 0.005, clipNorm: 1 } as const;

/** Trains a window model from `base`, which stays untouched, on the distinct windows of traces. */
export function trainWindows(
  model: WindowModel,
  base: Float32Array,
  traces: readonly Observed[],
  options: TrainingOptions,
): Trained {
  const settings = { ...trainingDefaults, ...options };
  const windows = new WindowBatches(traces, model.window);
  const trainer = new FlatTrainer(model.spec, base);
  const losses: number[] = [];
  const endsAt = performance.now() + (options.secondsMax ?? Number.POSITIVE_INFINITY) * 1e3;
  try {
    for (const batch of windows.endless(settings.batchSize, options.seed)) {
      if (losses.length >= options.steps || performance.now() >= endsAt || options.signal?.aborted) break;
      const seed = options.seed + losses.length;
      losses.push(trainer.step((parameters) => model.loss(parameters, batch, seed), settings));
    }
    const last = losses.slice(-Math.max(1, Math.ceil(losses.length / 10)));
    const loss = last.reduce((sum, value) => sum + value, 0) / last.length;
    return { weights: trainer.weights(), steps: losses.length, examples: windows.count, loss };
  } finally {
    trainer.close();
  }
}
