import { ok, type Result } from '../../../../base/fault.ts';
import type { ModelSpec } from '../../../../proto/model-spec.ts';
import { countingLearner } from '../../counting-learner.ts';
import type { Learner } from '../../learner.ts';
import { type Example, observed } from '../traces/example.ts';
import { trainGramTable } from './gram-table.ts';
import { gramTableDetector } from './gram-table-detector.ts';

/** The gram table as something that a round can train. Throws a RangeError for another version's spec. */
export function gramTableLearner(
  spec: ModelSpec,
  base: Float32Array,
): Result<Learner<readonly Example[], Example>, never> {
  const detector = gramTableDetector(spec);
  return ok(
    countingLearner<Example>(base, {
      surprisals: (examples) => detector.open(base).surprisal(examples.map(observed)),
      count: (examples) => trainGramTable(spec, examples.map(observed)).weights,
    }),
  );
}
