import { ok, type Result } from '../../../proto/fault.ts';
import type { Example } from '../../training/example.ts';
import type { Learner } from '../../training/learner.ts';
import { FlatTrainer } from '../neural/flat-trainer.ts';
import { WindowBatches } from './window-batches.ts';
import type { WindowModel } from './window-model.ts';

type Batch = Readonly<{ windows: Int32Array; seed: number }>;

/** A window model as something that a round can train, step by step. base: shape [layout.length]. */
export function windowLearner(model: WindowModel, base: Float32Array): Result<Learner<Batch, Example>, never> {
  const trainer = new FlatTrainer(model.spec, base);
  // Every epoch asks with the same examples: cutting them into windows once is enough.
  let cut: { of: readonly Example[]; windows: WindowBatches } | undefined;
  return ok({
    *batches(examples, batchSize, seed) {
      if (cut?.of !== examples) {
        const traces = examples.map(({ workload, calls }) => ({ service: workload, calls }));
        cut = { of: examples, windows: new WindowBatches(traces, model.window) };
      }
      let left = Math.ceil(cut.windows.count / batchSize);
      for (const windows of cut.windows.endless(batchSize, seed)) {
        if (left === 0) return;
        yield { windows, seed: seed + left };
        left -= 1;
      }
    },
    step: ({ windows, seed }, options) => trainer.step((parameters) => model.loss(parameters, windows, seed), options),
    weights: () => trainer.weights(),
    close: () => trainer.close(),
  });
}
