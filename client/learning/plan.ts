import type { TrainingPlan } from '../../proto/generated/testudo/v1/federation.ts';

/** What the round's policy asks of local training; see TrainingPlan in the contract. */
export type Plan = Readonly<Omit<TrainingPlan, 'seed'> & { seed: number }>;
