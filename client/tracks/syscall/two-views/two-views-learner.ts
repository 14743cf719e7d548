import { ok, type Result } from '../../../../base/fault.ts';
import type { ModelSpec } from '../../../../proto/model-spec.ts';
import type { Learner } from '../../learner.ts';
import type { Example } from '../traces/example.ts';
import { learnTwoViews, openTwoViews } from './two-views.ts';
import { twoViewsSizes } from './two-views-spec.ts';

/** The loss is for people to look at: a sample says enough. */
const lossExamplesMax = 100;

/**
 * The two views as something that a round can train. They count instead of descending: one batch holds everything, one
 * step learns all of it, and further epochs, learning rate and proximal weight change nothing. Throws a RangeError for another
 * version's spec.
 */
export function twoViewsLearner(
  spec: ModelSpec,
  base: Float32Array,
): Result<Learner<readonly Example[], Example>, never> {
  twoViewsSizes(spec);
  let weights = base;
  let learnt = false;
  return ok({
    *batches(examples) {
      if (learnt) return;
      learnt = true;
      yield examples;
    },
    step(examples) {
      const loss = meanSurprisal(spec, weights, examples.slice(0, lossExamplesMax));
      const traces = examples.map(({ workload, calls }) => ({ service: workload, calls }));
      weights = learnTwoViews(spec, traces).weights;
      return loss;
    },
    weights: () => weights.slice(),
    close: () => undefined,
  });
}

/** Nats per call under the weights before learning. */
function meanSurprisal(spec: ModelSpec, weights: Float32Array, examples: readonly Example[]): number {
  const views = openTwoViews(spec, weights);
  let [sum, count] = [0, 0];
  for (const { workload, calls } of examples) {
    for (const value of views.surprisal({ service: workload, calls })) sum += value;
    count += calls.length;
  }
  return sum / Math.max(1, count);
}
