import { ok, type Result } from '../../../../base/fault.ts';
import type { Learner } from '../../learner.ts';
import { FlatTrainer } from '../../neural/flat-trainer.ts';
import { type Example, observed } from '../traces/example.ts';
import { WindowBatches } from './window-batches.ts';
import type { WindowModel } from './window-model.ts';

type Batch = Readonly<{ windows: Int32Array; seed: number }>;

/** Of a longer example so many windows are drawn: what one step costs stays bounded. */
const privateWindowsMax = 64;

/** A window model as something that a round can train, step by step. base: shape [layout.length]. */
export function windowLearner(model: WindowModel, base: Float32Array): Result<Learner<Batch, Example>, never> {
  const trainer = new FlatTrainer(model.spec, base);
  // Every epoch asks with the same examples: cutting them into windows once is enough.
  let cut: { of: readonly Example[]; windows: WindowBatches } | undefined;
  return ok({
    *batches(examples, batchSize, seed) {
      if (cut?.of !== examples) {
        cut = { of: examples, windows: new WindowBatches(examples.map(observed), model.window) };
      }
      let left = Math.ceil(cut.windows.count / batchSize);
      for (const windows of cut.windows.endless(batchSize, seed)) {
        if (left === 0) return;
        yield { windows, seed: seed + left };
        left -= 1;
      }
    },
    step: ({ windows, seed }, options) => trainer.step((parameters) => model.loss(parameters, windows, seed), options),
    // One example is one microbatch: its gradient is that of its windows' mean loss, and is clipped as one.
    privateStep: (examples, options) =>
      trainer.privateStep(
        examples.map((example) => {
          const own = new WindowBatches([observed(example)], model.window);
          const { value: windows } = own.endless(privateWindowsMax, options.seed).next();
          return (parameters) => model.loss(parameters, windows as Int32Array, options.seed);
        }),
        options,
      ),
    weights: () => trainer.weights(),
    close: () => trainer.close(),
  });
}
