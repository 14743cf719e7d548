import type { ClusterId, FederationId, TrackId } from '../../../proto/ids.ts';
import type { ClassRecall, ShadowReport } from '../../../proto/release/shadow-report.ts';
import type { ShadowObservation } from '../../scoring/shadow-verdicts.ts';
import type { KnownVerdicts } from './known-cases.ts';

const latenciesMax = 1_024;

/** What a shadow run has seen so far. Counts only; a trace without a threshold on both sides is not counted at all. */
export class ShadowRun {
  readonly version: number;
  readonly liveVersion: number;
  readonly #startedMs: number;
  #scored = 0;
  #agreed = 0;
  #shadowAlerts = 0;
  #liveAlerts = 0;
  /** Microseconds for one trace, the latest batches. */
  readonly #shadowUs: number[] = [];
  readonly #liveUs: number[] = [];
  #batches = 0;

  constructor(version: number, liveVersion: number, startedMs: number) {
    this.version = version;
    this.liveVersion = liveVersion;
    this.#startedMs = startedMs;
  }

  observe({ live, shadow }: ShadowObservation): void {
    const count = shadow.alarms.length;
    if (count === 0 || live.version !== this.liveVersion || shadow.version !== this.version) return;
    this.#scored += count;
    this.#agreed += shadow.alarms.filter((alarm, at) => alarm === live.alarms[at]).length;
    this.#shadowAlerts += shadow.alarms.filter(Boolean).length;
    this.#liveAlerts += live.alarms.filter(Boolean).length;
    const slot = this.#batches % latenciesMax;
    this.#shadowUs[slot] = shadow.microseconds / count;
    this.#liveUs[slot] = live.microseconds / count;
    this.#batches += 1;
  }

  /** The report on it, recalls counted over cases that both models can judge. */
  report(
    who: Readonly<{ federation: FederationId; cluster: ClusterId; track: TrackId }>,
    known: Readonly<{ shadow: KnownVerdicts; live: KnownVerdicts }>,
    nowMs: number,
  ): ShadowReport {
    const falsePositives = found(known.shadow.falsePositives, known.live.falsePositives);
    return {
      ...who,
      version: this.version,
      liveVersion: this.liveVersion,
      durationMs: Math.max(0, nowMs - this.#startedMs),
      scoredCount: this.#scored,
      agreedCount: this.#agreed,
      shadowAlertCount: this.#shadowAlerts,
      liveAlertCount: this.#liveAlerts,
      recalls: recallsOf(known.shadow, known.live),
      falsePositiveCaseCount: falsePositives.cases,
      shadowFalsePositiveCount: falsePositives.shadow,
      liveFalsePositiveCount: falsePositives.live,
      shadowLatencyUs: medianOf(this.#shadowUs),
      liveLatencyUs: medianOf(this.#liveUs),
      atMs: nowMs,
    };
  }
}

const classesMax = 64;

function recallsOf(shadow: KnownVerdicts, live: KnownVerdicts): ClassRecall[] {
  const classes = [...shadow.attacks.keys()].sort().slice(0, classesMax);
  return classes.map((attackClass) => {
    const both = found(shadow.attacks.get(attackClass) ?? [], live.attacks.get(attackClass) ?? []);
    return { attackClass, caseCount: both.cases, shadowFoundCount: both.shadow, liveFoundCount: both.live };
  });
}

type Verdicts = readonly (boolean | undefined)[];

function found(shadow: Verdicts, live: Verdicts): { cases: number; shadow: number; live: number } {
  const both = [...shadow.keys()].filter((at) => shadow[at] !== undefined && live[at] !== undefined);
  return {
    cases: both.length,
    shadow: both.filter((at) => shadow[at]).length,
    live: both.filter((at) => live[at]).length,
  };
}

function medianOf(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return Math.round(sorted[sorted.length >> 1] ?? 0);
}
