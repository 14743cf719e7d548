import type { TrainingPlan } from '../../proto/generated/testudo/v1/federation.ts';
import type { Digest } from '../../proto/ids.ts';

/** Of the track's trusted sample, so large a share goes into training. */
export type MixedSample = Readonly<{
  /** Share of training examples, above 0 and at most 0.9. */
  mix: number;
  digest: Digest;
  sizeBytes: number;
}>;

/** What the round's policy asks of local training; see TrainingPlan in the contract. */
export type Plan = Readonly<
  Omit<TrainingPlan, 'seed' | 'sampleMix' | 'sampleDigest' | 'sampleBytes'> & { seed: number; sample?: MixedSample }
>;
