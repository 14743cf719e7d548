import { ok, type Result, refuse } from '../../../../base/fault.ts';
import type { ClassName } from '../../../../proto/ids.ts';
import type { ModelSpec } from '../../../../proto/model-spec.ts';
import { countingLearner } from '../../counting-learner.ts';
import type { Learner } from '../../learner.ts';
import { type Example, observed } from '../traces/example.ts';
import { openClassTable, trainClassTable } from './class-table.ts';

/**
 * The table with blocks as something that a round can train. It learns the approved classes alone, and says afterwards which of
 * them it had examples of. Refuses where there are none of any.
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
      "this cluster was approved for none of the model's classes; an operator approves it by `testudo clusters approve`",
    );
  }
  const allowed = new Set<string>(approved);
  let classes: readonly ClassName[] = [];
  const learner = countingLearner<Example>(base, {
    surprisals: (examples) => before.surprisal(examples.map(observed)),
    count(examples) {
      const trained = trainClassTable(spec, examples.map(observed), allowed);
      classes = trained.classes;
      return trained.weights;
    },
  });
  return ok({ ...learner, classes: () => classes });
}
