import { ok, type Result } from '../../../../base/fault.ts';
import type { ModelSpec } from '../../../../proto/model-spec.ts';
import type { Learner } from '../../learner.ts';
import type { Example } from '../traces/example.ts';
import type { WorkloadClasses } from '../traces/workload-classes.ts';
import { evidenceOf, gramSurprisal, gramTableClasses, trainGramTable } from './gram-table.ts';

/** The loss is for people to look at: a sample says enough. */
const lossExamplesMax = 100;

/**
 * The gram table as something that a round can train. It counts instead of descending: one batch holds everything, one
 * step learns all of it, and further epochs, learning rate and proximal weight change nothing. Throws a RangeError for another
 * version's spec.
 */
export function gramTableLearner(
  spec: ModelSpec,
  base: Float32Array,
): Result<Learner<readonly Example[], Example>, never> {
  const classes = gramTableClasses(spec);
  let weights = base;
  let learnt = false;
  return ok({
    *batches(examples) {
      if (learnt) return;
      learnt = true;
      yield examples;
    },
    step(examples) {
      const loss = meanSurprisal(evidenceOf(spec, weights), classes, examples.slice(0, lossExamplesMax));
      const traces = examples.map(({ workload, calls }) => ({ service: workload, calls }));
      weights = trainGramTable(spec, traces).weights;
      return loss;
    },
    counts: true,
    weights: () => weights.slice(),
    close: () => undefined,
  });
}

/** Nats per call under the weights before learning. */
function meanSurprisal(evidence: Float32Array, classes: WorkloadClasses, examples: readonly Example[]): number {
  let sum = 0;
  let count = 0;
  for (const { workload, calls } of examples) {
    for (const value of gramSurprisal(evidence, calls, classes.idOf(workload))) sum += value;
    count += calls.length;
  }
  return sum / Math.max(1, count);
}
