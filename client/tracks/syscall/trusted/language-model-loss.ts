import type { ModelSpec } from '../../../../proto/model-spec.ts';
import { FlatTrainer } from '../../neural/flat-trainer.ts';
import type { SampleContent, SampleLoss } from '../../track-kind.ts';
import { predictionLoss } from '../language-model/language-model.ts';
import { languageModelClasses, languageModelSizes } from '../language-model/language-model-spec.ts';
import { PredictionExamples } from '../language-model/prediction-examples.ts';
import type { Example } from '../traces/example.ts';

/** Of a class so many windows are drawn, once: what one gradient costs stays bounded. */
const windowsOfClassMax = 64;
/** Draws the windows; the same for every coordinator and every replay. */
const seed = 1;

/** Mean cross-entropy of the next call on each class's normal traces, and the gradient of the classes' mean. */
export function languageModelLoss(spec: ModelSpec, content: SampleContent<Example>, base: Float32Array): SampleLoss {
  const sizes = languageModelSizes(spec);
  const classes = languageModelClasses(spec);
  const covered = content.classes.flatMap(({ name, normalCount }) => (normalCount > 0 ? [name] : []));
  const batches = covered.map((name) => {
    const own = content.normal.filter(({ workload }) => workload === name);
    const traces = own.map(({ workload, ...rest }) => ({ service: workload, ...rest }));
    const windows = new PredictionExamples(traces, classes, sizes);
    return windows.batches(Math.min(windows.count, windowsOfClassMax), seed, 0).next().value;
  });
  const lossesAt = (weights: Float32Array) => {
    const at = new FlatTrainer(spec, weights);
    const sum = new Float32Array(base.length);
    const losses = new Float64Array(covered.length);
    try {
      for (const [index, one] of batches.entries()) {
        if (one === undefined) continue;
        const { batch, weights: weighting } = one;
        // Unclipped: no gradient is as long as that.
        const found = at.clippedSum([(parameters) => predictionLoss(parameters, batch, weighting, sizes)], 1e30);
        losses[index] = found.loss;
        found.sum.forEach((value, place) => {
          sum[place] = (sum[place] as number) + value / covered.length;
        });
      }
    } finally {
      at.close();
    }
    return { losses, gradient: sum };
  };
  return {
    covered,
    losses: async (weights) => lossesAt(weights).losses,
    async gradient(weights) {
      const { losses, gradient } = lossesAt(weights);
      return { loss: losses.reduce((sum, loss) => sum + loss, 0) / losses.length, gradient };
    },
    close() {},
  };
}
