import { ok, type Result, refuse } from '../../../../base/fault.ts';
import type { ClassName } from '../../../../proto/ids.ts';
import type { ModelSpec } from '../../../../proto/model-spec.ts';
import { meanSurprisal } from '../../detector.ts';
import type { Learner } from '../../learner.ts';
import type { Example } from '../traces/example.ts';
import { openClassTable, trainClassTable } from './class-table.ts';

const lossExamplesMax = 100;

/**
 * The table with blocks as something that a round can train: as the flat one, one batch and one step. It learns the approved
 * classes alone, and says afterwards which of them it had examples of. Refuses where there are none of any.
 */
export function classTableLearner(
  spec: ModelSpec,
  base: Float32Array,
  approved: readonly ClassName[],
): Result<Learner<readonly Example[], Example>, 'MODEL_UNUSABLE'> {
  const before = openClassTable(spec, base); // Throws for another version's spec.
  if (approved.length === 0) {
    return refuse(
      'MODEL_UNUSABLE',
      "this cluster was approved for none of the model's classes; enrol it with a token that has --label class-NAME=yes",
    );
  }
  const allowed = new Set<string>(approved);
  let weights = base;
  let classes: readonly ClassName[] = [];
  let learnt = false;
  return ok({
    *batches(examples) {
      if (learnt) return;
      learnt = true;
      yield examples;
    },
    step(examples) {
      const traces = examples.map(({ workload, calls }) => ({ service: workload, calls }));
      const trained = trainClassTable(spec, traces, allowed);
      ({ weights, classes } = trained);
      const loss = meanSurprisal(before, traces.slice(0, lossExamplesMax));
      return Number.isNaN(loss) ? 0 : loss;
    },
    counts: true,
    weights: () => weights.slice(),
    classes: () => classes,
    close: () => undefined,
  });
}
