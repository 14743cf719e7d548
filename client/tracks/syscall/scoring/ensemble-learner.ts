import { ok, type Result } from '../../../../base/fault.ts';
import type { ModelSpec } from '../../../../proto/model-spec.ts';
import type { Learner } from '../../learner.ts';
import type { Example } from '../traces/example.ts';
import { joined, membersOf } from './ensemble.ts';

type MemberBatch = Readonly<{ member: number; batch: unknown }>;
type OpenMember = (spec: ModelSpec, base: Float32Array) => Promise<Result<Learner<unknown, Example>, 'MODEL_UNUSABLE'>>;

/** An ensemble as something that a round can train: every epoch, one member after the other. */
export async function ensembleLearner(
  specs: readonly ModelSpec[],
  base: Float32Array,
  openMember: OpenMember,
): Promise<Result<Learner<MemberBatch, Example>, 'MODEL_UNUSABLE'>> {
  const bases = membersOf(specs, base);
  const learners: Learner<unknown, Example>[] = [];
  const close = () => {
    for (const learner of learners) learner.close();
  };
  for (const [index, spec] of specs.entries()) {
    const opened = await openMember(spec, bases[index] as Float32Array);
    if (!opened.ok) {
      close();
      return opened;
    }
    learners.push(opened.value);
  }
  return ok({
    *batches(examples, batchSize, seed) {
      for (const [member, learner] of learners.entries()) {
        for (const batch of learner.batches(examples, batchSize, seed)) yield { member, batch };
      }
    },
    step: ({ member, batch }, options) => (learners[member] as Learner<unknown, Example>).step(batch, options),
    // What one member may not count, no member is given: all read the same examples.
    ...(learners.some(({ counts }) => counts) && { counts: true }),
    weights: () => joined(learners.map((learner) => learner.weights())),
    close,
  });
}
