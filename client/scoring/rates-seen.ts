import type { EpochMs } from '../../base/time.ts';
import type { Unusual } from '../events/rate-fact.ts';
import { cauchyCombined } from '../rates/cauchy.ts';
import { rateText, type WorkloadRates } from '../rates/workload-rates.ts';
import type { Explanation, RateView } from '../tracks/track-kind.ts';
import type { Judgement, Threshold } from './thresholds/threshold.ts';

/** What is unusual of the rates that a place is part of. */
export type RatesSeen = Readonly<{
  /** How likely all of them together are. */
  p: number;
  /** Rarest first. */
  unusual: readonly Unusual[];
  /** The share of places that may raise an alarm. */
  alertRate: number;
}>;

/** Rates that are told in an alert at most, and how rare one is to be told. */
const toldMax = 3;
const toldBelow = 0.01;

/** The rates of the workloads of one client, as its judges see them. */
export class RateWatch {
  readonly #rates: WorkloadRates;
  readonly #alertRate: number;
  readonly #clock: () => EpochMs;
  /** Workload to when an alert was raised of its rates alone, least recent first. */
  readonly #said = new Map<string, number>();

  constructor(rates: WorkloadRates, alertRate: number, clock: () => EpochMs) {
    this.#rates = rates;
    this.#alertRate = alertRate;
    this.#clock = clock;
  }

  /** Counts what a place adds, and says what is unusual then; undefined where too little is known yet. */
  see({ atMs, adds, of }: RateView): RatesSeen | undefined {
    const nowMs = this.#clock();
    const at = this.#rates.timeOf(atMs > 0 ? atMs : nowMs, nowMs);
    this.#rates.hear(adds, at);
    const rates = this.#rates.unusual(adds, of, at);
    return rates && { ...rates, alertRate: this.#alertRate };
  }

  /** Whether an alert of a workload's rates alone was raised within the interval: a hundred sessions are one thing to look at. */
  wasSaid({ unusual: [rarest] }: RatesSeen): boolean {
    if (rarest === undefined) return false;
    const key = rarest.workload;
    const nowMs = this.#clock();
    const before = this.#said.get(key);
    // A clock that was set back must not mute what comes until it has caught up.
    if (before !== undefined && Math.abs(nowMs - before) < this.#rates.intervalMs) return true;
    this.#said.delete(key);
    this.#said.set(key, nowMs);
    if (this.#said.size > saidMax) this.#said.delete(this.#said.keys().next().value as string);
    return false;
  }

  /** The rates that are rare by themselves, rarest first. */
  told({ unusual }: RatesSeen): readonly Unusual[] {
    return unusual.filter(({ p }) => p < toldBelow).slice(0, toldMax);
  }

  /** For programs and for people; undefined where no rate is rare by itself. */
  explain(seen: RatesSeen): Explanation | undefined {
    const told = this.told(seen);
    if (told.length === 0) return undefined;
    return { detail: { rates: told }, text: told.map((one) => rateText(one, this.#rates.intervalMs)).join('\n') };
  }
}

const saidMax = 4_096;

/**
 * A score with what the rates add: the share of usual places that pass it and that of minutes as unusual become one by the Cauchy test,
 * and the score is raised to the one that so few places pass. Usual rates excuse nothing: never below the score itself. The same
 * while there is no threshold.
 */
export function withRates(own: Threshold, score: number, rates: RatesSeen | undefined): number {
  const tail = rates === undefined ? undefined : own.tail(rates.alertRate);
  if (rates === undefined || tail === undefined) return score;
  const alone = tail.shareAbove(score);
  const together = cauchyCombined([alone, Math.min(0.5, rates.p)]);
  return together < alone ? Math.max(score, tail.scoreOf(together)) : score;
}

/** What a place comes to once the rates of its workload are known. */
export type JudgedWithRates = Judgement &
  Readonly<{
    /** Its score with what the rates add. */
    lifted: number;
    /** On the way from usual (0) to an alarm (1); undefined while there is no threshold. */
    risk: number | undefined;
    /** Its own score is below the threshold: without the rates there would be no alarm. */
    byRates: boolean;
  }>;

/** Judges a place by its score and the rates together. The threshold learns the score alone. */
export function judgeWith(own: Threshold, alone: number, rates: RatesSeen | undefined): JudgedWithRates {
  const lifted = withRates(own, alone, rates);
  const risk = own.riskOf(lifted);
  const judged = own.judge(lifted, alone);
  return { ...judged, lifted, risk, byRates: judged.alarm && alone <= judged.threshold };
}
