import { type Result, refuse } from '../../../base/fault.ts';
import type { ModelSpec } from '../../../proto/model-spec.ts';
import type { Learner } from '../learner.ts';
import type { ScorerOptions, TrackScorer } from '../track-kind.ts';
import type { NamedSlice } from './graph/slice.ts';

/** Architectures of the flow track. The code of each is loaded when a spec names it: it brings TensorFlow. */
export const flowArchitectures = [
  'flow-gcn/1',
  'flow-gat/1',
  'flow-gcn/2',
  'flow-gat/2',
  'flow-gcn/3',
  'flow-gat/3',
  'flow-feature-autoencoder/1',
] as const;

function isKnown(spec: ModelSpec): boolean {
  return (flowArchitectures as readonly string[]).includes(spec.architecture);
}

function unknown(spec: ModelSpec): string {
  return `model spec: the flow track has no architecture ${spec.architecture}; it knows ${flowArchitectures.join(', ')}`;
}

export async function openFlowLearner(
  spec: ModelSpec,
  base: Float32Array,
): Promise<Result<Learner<unknown, NamedSlice>, 'MODEL_UNUSABLE'>> {
  if (!isKnown(spec)) return refuse('MODEL_UNUSABLE', unknown(spec));
  try {
    if (spec.architecture === 'flow-feature-autoencoder/1') {
      const { featureLearner } = await import('./features/feature-learner.ts');
      return featureLearner(spec, base) as Result<Learner<unknown, NamedSlice>, never>;
    }
    const { linkLearner } = await import('./link-learner.ts');
    return linkLearner(spec, base) as Result<Learner<unknown, NamedSlice>, never>;
  } catch (error) {
    return refuse('MODEL_UNUSABLE', (error as Error).message);
  }
}

/** Throws a RangeError for a spec that is none of ours. */
export async function openFlowScorer(
  spec: ModelSpec,
  weights: Float32Array,
  normal: readonly NamedSlice[],
  options?: ScorerOptions,
): Promise<TrackScorer<NamedSlice>> {
  if (!isKnown(spec)) throw new RangeError(unknown(spec));
  if (spec.architecture === 'flow-feature-autoencoder/1') {
    const { FeatureJudge } = await import('./features/feature-judge.ts');
    return new FeatureJudge(spec, weights, normal);
  }
  const { FlowJudge } = await import('./flow-judge.ts');
  return new FlowJudge(spec, weights, normal, options);
}
