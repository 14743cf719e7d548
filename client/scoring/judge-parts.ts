import type { Log } from '../../base/log.ts';
import type { EpochMs } from '../../base/time.ts';
import type { ClientMetrics } from '../observability/metrics.ts';
import type { Explanation, Subject, TrackKind } from '../tracks/track-kind.ts';
import type { AlertStore } from './alert-store.ts';
import type { RateWatch } from './rates-seen.ts';
import type { Scorer } from './scoring-thread.ts';
import type { ThresholdOptions } from './thresholds/threshold.ts';

/** What a judge is put together from. */
export type JudgeParts = Readonly<{
  track: string;
  kind: TrackKind;
  scorer: Scorer;
  alerts: Pick<AlertStore, 'raise'>;
  threshold: ThresholdOptions;
  /** What the workloads' baselines say of something that raised an alarm. */
  remark(observation: unknown): Explanation | undefined;
  /** Rates of workloads; without them scores count alone. */
  rates: RateWatch | undefined;
  /** Hears how near to its threshold each place came. */
  onRisk(subject: Subject, risk: number): void;
  /** Confirmed intrusions that operators gave: a model that misses them is reported. */
  regressionCases(): readonly unknown[];
  metrics: ClientMetrics;
  log: Log;
  clock: () => EpochMs;
}>;
