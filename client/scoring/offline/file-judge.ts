import { endOfFlow, type ObservedFlow } from '../../events/flow-record.ts';
import { flowFacts } from '../../rates/flow-facts.ts';
import { defaultRates, rateText, WorkloadRates } from '../../rates/workload-rates.ts';
import type { FileJudge, FileVerdict, JudgedPlace, OpenFileJudge } from '../../tracks/file-judge.ts';
import { defaultAlertRate } from '../../tracks/track-kind.ts';
import { judgeWith, RateWatch, withRates } from '../rates-seen.ts';
import { defaultWindowMax, shortWarmUp, Threshold } from '../threshold.ts';

/** For the verbs on files. */
export const openRates: OpenFileJudge = (intervalMs) => new ClientLikeJudge(intervalMs);

/**
 * What a client whose settings are the usual ones would have said of a file, had it watched: thresholds by group, which go on
 * learning, and the rates of workloads. A threshold counts from `shortWarmUp` scores on, as after a client's first model.
 */
class ClientLikeJudge implements FileJudge {
  readonly intervalMs: number;
  readonly #thresholds = new Map<string, Threshold>();
  #rates: WorkloadRates;
  #watch: RateWatch;
  #nowMs = 0;

  constructor(intervalMs: number) {
    this.intervalMs = intervalMs;
    this.#rates = new WorkloadRates({ ...defaultRates, intervalMs });
    this.#watch = this.#watchOf(this.#rates);
  }

  seed(group: string, scores: readonly number[]): void {
    this.#thresholdOf(group).seed(scores.slice(-defaultWindowMax));
  }

  hear(flow: ObservedFlow): void {
    const atMs = endOfFlow(flow);
    this.#nowMs = Math.max(this.#nowMs, atMs);
    this.#rates.hear(flowFacts(flow), atMs);
  }

  count({ atMs, adds }: JudgedPlace['view']): void {
    this.#nowMs = Math.max(this.#nowMs, atMs);
    this.#rates.hear(adds, atMs);
  }

  resumeAt(atMs: number): void {
    const before = this.#rates.record(this.#nowMs, Number.POSITIVE_INFINITY);
    this.#rates = new WorkloadRates({ ...defaultRates, intervalMs: this.intervalMs });
    this.#rates.goOn(before, atMs);
    this.#watch = this.#watchOf(this.#rates);
    this.#nowMs = atMs;
  }

  judge({ group, score, view, nowMs }: JudgedPlace): FileVerdict {
    this.#nowMs = Math.max(this.#nowMs, nowMs);
    const seen = this.#watch.see(view);
    const own = this.#thresholdOf(group);
    const riskAlone = riskOn(own, score);
    const liftedRisk = riskOn(own, withRates(own, score, seen));
    const { lifted, alarm, byRates } = judgeWith(own, score, seen);
    const told = seen === undefined ? [] : this.#watch.told(seen);
    return {
      ...{ lifted, riskAlone, risk: liftedRisk, alarm, alarmAlone: alarm && !byRates },
      rateP: seen?.p,
      told: told.map((one) => ({ ...one, text: rateText(one, this.intervalMs) })),
    };
  }

  #thresholdOf(group: string): Threshold {
    const known = this.#thresholds.get(group);
    if (known !== undefined) return known;
    const rule = { kind: 'quantile', alertRate: defaultAlertRate } as const;
    const fresh = new Threshold({ rule, warmUp: shortWarmUp, windowMax: defaultWindowMax });
    this.#thresholds.set(group, fresh);
    return fresh;
  }

  #watchOf(rates: WorkloadRates): RateWatch {
    return new RateWatch(rates, defaultAlertRate, () => this.#nowMs);
  }
}

/** As the threshold's, and where all scores are alike by how far one is beyond them. Undefined while there is no threshold. */
function riskOn(own: Threshold, score: number): number | undefined {
  const level = own.level();
  if (!Number.isFinite(level)) return undefined;
  return own.riskOf(score) ?? (score > level ? 1 + (score - level) / Math.max(Math.abs(level), 1) : 0);
}
