import { type AggregationPolicy, updatesMin } from '../../aggregation/policy.ts';
import type { Digest } from '../../proto/ids.ts';
import type { RoundRules } from './rules.ts';
import type { ScheduleRules } from './schedule/schedule-rules.ts';

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

/** When a version that canary clusters ran in shadow may become stable by itself. */
export type GatePolicy = Readonly<{
  /** Canary clusters whose reports must count and agree, at least; more than f and a majority of all must in any case. */
  clustersMin: number;
  /** Traces or slices that a cluster must have scored with both versions before its report counts. */
  scoredMin: number;
  /** Share of them that both versions judge alike, at least. */
  agreementMin: number;
  /** How far the share of found cases may fall, for any attack class. */
  recallDropMax: number;
  /** How far it may fall over versions, below the best that was live on as many cases; twice `recallDropMax` unless given. */
  recallWornMax?: number | undefined;
  /** Alarms of one cluster in a day; a run of less than a day may use the whole day's. */
  alertsPerDayMax: number;
  /** Share of what a cluster scored that may alarm where that is more than the day's alarms; 0 unless given. */
  alertShareMax?: number | undefined;
  /** How many more of a cluster's cases of confirmed false positives may raise an alarm than do in the live version. */
  falsePositivesMax?: number | undefined;
  /** How many times the live version's mean time for one trace or slice may be taken. */
  latencyFactorMax?: number | undefined;
  /** Open breakers of clusters that do not keep a version from being promoted, since so many may lie; f unless given. */
  breakersMax?: number | undefined;
  /** Nothing is promoted before so many minutes; default 10. */
  minutesMin?: number | undefined;
  /** Silence for so long is a hold. */
  hoursMax: number;
  /** Operators who must agree to promote against the gate. */
  approvals: 1 | 2;
}>;

/** Of policies that were written before there was the setting. */
export const gateMinutesMinDefault = 10;

/** By how many of the falls that one version may make all versions together may fall, where nothing else is said. */
export const recallWornStepsDefault = 2;

/** How long the keys of the updates that a round counted are kept, so that the round can be computed again. */
export type InputKeeping = Readonly<{
  /** The newest so many rounds with a candidate, 1 to 16. */
  rounds: number;
  /** And none longer than this after its end, 1 to 720. */
  hours: number;
}>;

/** What rounds do with the track's trusted sample. */
export type SamplePolicy = Readonly<{
  /** Share of a client's training examples that come from the sample, 0 to 0.9. */
  mix: number;
  /** Whether the sample is counted as one update more: for models that count, which mix nothing. Absent: no. */
  holds?: boolean | undefined;
  /** The sample that must be in force; the newest, whichever it is, where absent. Every round that has one names it here. */
  digest?: Digest | undefined;
}>;

/** How a cluster's record (standing.ts) bears on what it weighs. */
export type HistoryPolicy = Readonly<{
  /** What the update of a cluster with the worst record is scaled by, 0.1 to 1; one with a good record is not scaled. */
  floor: number;
}>;

/** Everything a track's rounds and releases obey. Journalled whole, and frozen into each round when it is scheduled. */
export type TrackPolicy = Readonly<{
  aggregation: AggregationPolicy;
  /** `updatesMin` and `sparedMax` follow from `aggregation`. */
  rounds: Omit<RoundRules, 'updatesMin' | 'sparedMax'>;
  training: TrainingPlan;
  optimiser: ServerOptimiser;
  /** null: rounds open only when an operator asks. */
  schedule: ScheduleRules | null;
  /** Absent: clients train without the trusted sample, and a round takes the newest. */
  sample?: SamplePolicy | undefined;
  /** Absent: a cluster's record is for operators to look at, and changes nothing. */
  history?: HistoryPolicy | undefined;
  /** Absent: nothing of a round can be opened once it has ended. */
  keepInputs?: InputKeeping | undefined;
  /** Absent: without canary clusters each candidate becomes stable at once, with them an operator promotes. */
  gate?: GatePolicy | undefined;
  /**
   * In a region: what rounds make goes up to the parent as one update, and no further here. Its clusters follow what the parent
   * releases, and the next round starts from that. Absent: a candidate is what the next round starts from.
   */
  upward?: true | undefined;
  /** How many of the newest releases are kept, beside those in use. Default 8. */
  releasesKept?: number | undefined;
}>;

/** What a round under this policy obeys. A policy that no number of updates can meet never aggregates. */
export function rulesOf(policy: TrackPolicy): RoundRules {
  const { rounds, aggregation } = policy;
  const graces = rounds.graceMs !== undefined && rounds.graceMs !== null;
  return {
    ...rounds,
    updatesMin: updatesMin(aggregation) ?? Number.MAX_SAFE_INTEGER,
    ...(graces && { sparedMax: Math.max(1, aggregation.f) }),
  };
}
