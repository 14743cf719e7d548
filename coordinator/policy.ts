import type { AggregationPolicy } from '../aggregation/policy.ts';
import type { RoundRules } from './round/rules.ts';
import type { ScheduleRules } from './schedule/rules.ts';

/** What clients are asked to do with their data; limits as in proto/testudo/v1/federation.proto. */
export type TrainingPlan = Readonly<{
  epochs: number;
  stepsMax: number;
  batchSize: number;
  learningRate: number;
  /** 0 for no clipping. */
  clipNorm: number;
  noiseMultiplier: number;
  proximalMu: number;
}>;

/** How an aggregated delta moves the global model: Reddi et al., "Adaptive Federated Optimization", ICLR 2021. */
export type ServerOptimiser = Readonly<
  | { kind: 'plain'; learningRate: number }
  | { kind: 'momentum'; learningRate: number; momentum: number }
  | { kind: 'adam'; learningRate: number; beta1: number; beta2: number; epsilon: number }
>;

/** Everything a track's rounds obey. Journalled whole, and frozen into each round when it is scheduled. */
export type TrackPolicy = Readonly<{
  aggregation: AggregationPolicy;
  /** `updatesMin` follows from `aggregation`. */
  rounds: Omit<RoundRules, 'updatesMin'>;
  training: TrainingPlan;
  optimiser: ServerOptimiser;
  /** null: rounds open only when an operator asks. */
  schedule: ScheduleRules | null;
}>;
