import { ok, type Result, refuse } from '../../../base/fault.ts';
import type { ModelSpec } from '../../../proto/model-spec.ts';
import type { Learner } from '../learner.ts';
import type { ApiExample } from './example.ts';
import { Surprises } from './judge/surprise.ts';
import { ApiMemory } from './memory/api-memory.ts';
import { evidenceSlots, FederatedEvidence, trainEvidence } from './memory/evidence-table.ts';

/** The loss is for people to look at: a sample says enough. */
const lossExamplesMax = 100;

/**
 * The evidence table as something that a round can train. It counts instead of descending: one batch holds everything, one
 * step learns all of it, and further epochs, learning rate and proximal weight change nothing.
 */
export function openEvidenceLearner(
  spec: ModelSpec,
  base: Float32Array,
): Result<Learner<unknown, ApiExample>, 'MODEL_UNUSABLE'> {
  try {
    evidenceSlots(spec);
  } catch (error) {
    return refuse('MODEL_UNUSABLE', (error as Error).message);
  }
  return ok(evidenceLearner(spec, base) as Learner<unknown, ApiExample>);
}

function evidenceLearner(spec: ModelSpec, base: Float32Array): Learner<readonly ApiExample[], ApiExample> {
  let weights = base;
  let learnt = false;
  return {
    *batches(examples) {
      if (learnt) return;
      learnt = true;
      yield examples;
    },
    step(examples) {
      const loss = meanSurprise(new FederatedEvidence(spec, weights), examples.slice(0, lossExamplesMax));
      weights = trainEvidence(spec, examples);
      return loss;
    },
    weights: () => weights.slice(),
    close: () => undefined,
  };
}

/** Nats per view and chain under the weights before learning. */
function meanSurprise(evidence: FederatedEvidence, examples: readonly ApiExample[]): number {
  const surprises = new Surprises(new ApiMemory(), evidence);
  let [sum, count] = [0, 0];
  for (const example of examples) {
    const templates = example.calls.map(({ route }) => route);
    for (const nats of surprises.of(example, templates).nats) {
      sum += nats;
      count += 1;
    }
  }
  return sum / Math.max(1, count);
}
