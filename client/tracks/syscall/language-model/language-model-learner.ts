import { ok, type Result } from '../../../../base/fault.ts';
import type { ModelSpec } from '../../../../proto/model-spec.ts';
import type { Learner } from '../../learner.ts';
import { FlatTrainer } from '../../neural/flat-trainer.ts';
import type { Example } from '../traces/example.ts';
import { predictionLoss } from './language-model.ts';
import { languageModelClasses, languageModelSizes, type PredictionBatch } from './language-model-spec.ts';
import { trainingDefaults } from './language-model-training.ts';
import { PredictionExamples } from './prediction-examples.ts';

/** Of a longer example so many windows are drawn: what one step costs stays bounded. */
const privateWindowsMax = 64;

type Batch = { batch: PredictionBatch; weights: Float32Array };

/** The next-call language model as something that a round can train. Throws a RangeError for another version's spec. */
export function languageModelLearner(spec: ModelSpec, base: Float32Array): Result<Learner<Batch, Example>, never> {
  const sizes = languageModelSizes(spec);
  const classes = languageModelClasses(spec);
  const trainer = new FlatTrainer(spec, base);
  // Every epoch asks with the same examples: cutting them into windows once is enough.
  let cut: { of: readonly Example[]; windows: PredictionExamples } | undefined;
  return ok({
    *batches(examples, batchSize, seed) {
      if (cut?.of !== examples) {
        const traces = examples.map(({ workload, ...rest }) => ({ service: workload, ...rest }));
        cut = { of: examples, windows: new PredictionExamples(traces, classes, sizes) };
      }
      const { windows } = cut;
      const batchesPerEpoch = Math.ceil(windows.count / batchSize);
      let given = 0;
      for (const batch of windows.batches(batchSize, seed, trainingDefaults.hideClass)) {
        if (given === batchesPerEpoch) return;
        given += 1;
        yield batch;
      }
    },
    step: ({ batch, weights }, options) =>
      trainer.step((parameters) => predictionLoss(parameters, batch, weights, sizes), options),
    // One example is one microbatch: its gradient is that of its windows' mean loss, and is clipped as one.
    privateStep: (examples, options) =>
      trainer.privateStep(
        examples.map(({ workload, ...rest }) => {
          const own = new PredictionExamples([{ service: workload, ...rest }], classes, sizes);
          const { value } = own.batches(privateWindowsMax, options.seed, trainingDefaults.hideClass).next();
          const { batch, weights } = value as Batch;
          return (parameters) => predictionLoss(parameters, batch, weights, sizes);
        }),
        options,
      ),
    weights: () => trainer.weights(),
    close: () => trainer.close(),
  });
}
