import { endOfFlow, type ObservedFlow } from '../../events/flow-record.ts';
import { flowFacts } from '../../rates/flow-facts.ts';
import { defaultRates, rateText, WorkloadRates } from '../../rates/workload-rates.ts';
import type { FileJudge, FileVerdict, JudgedPlace, Known, OpenFileJudge } from '../../tracks/file-judge.ts';
import { defaultAlertRate } from '../../tracks/track-kind.ts';
import { judgeWith, RateWatch, withRates } from '../rates-seen.ts';
import { scoresByGroup, unlearntScores } from '../thresholds/first-scores.ts';
import { GroupThresholds } from '../thresholds/group-thresholds.ts';
import { defaultWindowMax, shortWarmUp, type Threshold, type ThresholdOptions } from '../thresholds/threshold.ts';

/** For the verbs on files. */
export const openRates: OpenFileJudge = (intervalMs) => new ClientLikeJudge(intervalMs);

const options: ThresholdOptions = {
  rule: { kind: 'quantile', alertRate: defaultAlertRate },
  warmUp: shortWarmUp,
  windowMax: defaultWindowMax,
};

/**
 * What a client whose settings are the usual ones would have said of a file, had it watched: thresholds by group, which go on
 * learning, and the rates of workloads. A threshold counts from `shortWarmUp` scores on, as after a client's first model.
 */
class ClientLikeJudge implements FileJudge {
  readonly intervalMs: number;
  #thresholds = new GroupThresholds(new Map(), options);
  #rates: WorkloadRates;
  #watch: RateWatch;
  #nowMs = 0;

  constructor(intervalMs: number) {
    this.intervalMs = intervalMs;
    this.#rates = new WorkloadRates({ ...defaultRates, intervalMs });
    this.#watch = this.#watchOf(this.#rates);
  }

  async start<Example>({ normal, scorer, open }: Known<Example>): Promise<void> {
    const unlearnt = open === undefined ? [] : await unlearntScores(open, normal);
    this.#thresholds = new GroupThresholds(new Map([...(await scoresByGroup(scorer, normal)), ...unlearnt]), options);
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
    const own = this.#thresholds.of(group);
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
