import type { ModelSpec } from '../../../../proto/model-spec.ts';
import { FlatTrainer } from '../../neural/flat-trainer.ts';
import type { Parameters } from '../../neural/parameters.ts';
import type { SampleContent, SampleLoss } from '../../track-kind.ts';
import { predictionLoss } from '../language-model/language-model.ts';
import {
  languageModelClasses,
  languageModelSizes,
  type PredictionBatch,
} from '../language-model/language-model-spec.ts';
import { PredictionExamples } from '../language-model/prediction-examples.ts';
import type { Example } from '../traces/example.ts';
import { attacksToldApart } from './attacks-told-apart.ts';
import { grouped, joined, placesWithCalls } from './window-batches.ts';

/** Of a class so many windows are drawn, once: what one gradient costs stays bounded. */
const windowsOfClassMax = 64;
/** Windows that are in memory together. */
const windowsMax = 1024;
/** Draws the windows; the same for every coordinator and every replay. */
const seed = 1;

type Weighted = Readonly<{ batch: PredictionBatch; weights: Float32Array }>;

/**
 * Mean cross-entropy of the next call on each class's normal traces, and the gradient of the classes' mean: in one pass over the
 * windows of many classes, since a pass over a few windows costs little less.
 */
export function languageModelLoss(spec: ModelSpec, content: SampleContent<Example>): SampleLoss {
  const sizes = languageModelSizes(spec);
  const classes = languageModelClasses(spec);
  const covered = content.classes.flatMap(({ name, normalCount }) => (normalCount > 0 ? [name] : []));
  const ofClasses = covered.map((name): Weighted => {
    const own = content.normal.filter(({ workload }) => workload === name);
    const traces = own.map(({ workload, ...rest }) => ({ service: workload, ...rest }));
    const windows = new PredictionExamples(traces, classes, sizes);
    const drawn = windows.batches(Math.min(windows.count, windowsOfClassMax), seed, 0).next().value;
    return drawn ?? { batch: joined([], sizes), weights: new Float32Array(0) };
  });
  /** Its windows weigh 1 together, call by call: losses of several classes are then summed by one pass over all. */
  const alike = ofClasses.map(({ batch, weights }): Weighted => {
    let total = 0;
    placesWithCalls(batch, sizes).forEach((counts, at) => {
      total += counts * (weights[at % batch.size] as number);
    });
    return { batch, weights: weights.map((weight) => weight / total / covered.length) };
  });
  const parts = grouped(alike, ({ batch }) => batch.size, windowsMax).map((some) => ({
    batch: joined(
      some.map(({ batch }) => batch),
      sizes,
    ),
    weights: Float32Array.from(some.flatMap(({ weights }) => [...weights])),
  }));
  const lossOf =
    ({ batch, weights }: Weighted) =>
    (parameters: Parameters) =>
      predictionLoss(parameters, batch, weights, sizes);
  const attacks = attacksToldApart(spec, content);
  return {
    covered,
    async losses(weights) {
      const at = new FlatTrainer(spec, weights);
      try {
        return Float64Array.from(ofClasses, (one) => {
          if (one.batch.size === 0) return 0;
          const loss = at.withParameters(lossOf(one));
          const [value] = loss.dataSync<'float32'>();
          loss.dispose();
          return value as number;
        });
      } finally {
        at.close();
      }
    },
    async gradient(weights) {
      const at = new FlatTrainer(spec, weights);
      try {
        // Unclipped: no gradient is as long as that.
        const { loss, sum } = at.clippedSum(parts.map(lossOf), 1e30);
        return { loss: loss * parts.length, gradient: sum };
      } finally {
        at.close();
      }
    },
    ...(attacks && { attacks }),
    close() {},
  };
}
