import { ok, type Result, refuse } from '../../../base/fault.ts';
import type { ModelSpec } from '../../../proto/model-spec.ts';
import { countingLearner } from '../counting-learner.ts';
import type { Learner } from '../learner.ts';
import type { ApiExample } from './example.ts';
import { Surprises } from './judge/surprise.ts';
import { ApiMemory } from './memory/api-memory.ts';
import { evidenceSlots, FederatedEvidence, trainEvidence } from './memory/evidence-table.ts';

/** The evidence table as something that a round can train. */
export function openEvidenceLearner(
  spec: ModelSpec,
  base: Float32Array,
): Result<Learner<unknown, ApiExample>, 'MODEL_UNUSABLE'> {
  try {
    evidenceSlots(spec);
  } catch (error) {
    return refuse('MODEL_UNUSABLE', (error as Error).message);
  }
  return ok(
    countingLearner<ApiExample>(base, {
      surprisals: (examples) => natsOf(new FederatedEvidence(spec, base), examples),
      count: (examples) => trainEvidence(spec, examples),
    }) as Learner<unknown, ApiExample>,
  );
}

/** Nats by view, for each chain. */
function natsOf(evidence: FederatedEvidence, examples: readonly ApiExample[]) {
  const surprises = new Surprises(new ApiMemory(), evidence);
  return examples.map((example) => {
    const templates = example.calls.map(({ route }) => route);
    return surprises.of(example, templates).nats.slice(); // The walk of the next chain overwrites them.
  });
}
