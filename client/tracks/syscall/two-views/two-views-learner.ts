import { ok, type Result } from '../../../../base/fault.ts';
import type { ModelSpec } from '../../../../proto/model-spec.ts';
import { countingLearner } from '../../counting-learner.ts';
import type { Learner } from '../../learner.ts';
import { type Example, observed } from '../traces/example.ts';
import { learnTwoViews } from './two-views.ts';
import { twoViewsDetector } from './two-views-detector.ts';

/** The two views as something that a round can train. Throws a RangeError for another version's spec. */
export function twoViewsLearner(
  spec: ModelSpec,
  base: Float32Array,
): Result<Learner<readonly Example[], Example>, never> {
  const detector = twoViewsDetector(spec);
  return ok(
    countingLearner<Example>(base, {
      surprisals: (examples) => detector.open(base).surprisal(examples.map(observed)),
      count: (examples) => learnTwoViews(spec, examples.map(observed)).weights,
    }),
  );
}
