import { ScoreTail } from './score-tail.ts';
import { ScoreWindow } from './score-window.ts';

/**
 * When a score is an alarm, for one workload: not above a number that somebody chose, but above what this workload does.
 * Pure apart from its own memory; holds `windowMax` numbers.
 */
export type ThresholdOptions = Readonly<{
  /** `quantile`: the share of traces that may raise an alarm. `deviation`: mean + k standard deviations. */
  rule: Readonly<{ kind: 'quantile'; alertRate: number } | { kind: 'deviation'; k: number }>;
  /** Scores before this many only set the threshold. */
  warmUp: number;
  /** The threshold follows this many latest scores. */
  windowMax: number;
}>;

export const defaultWindowMax = 2_000;

/** What the normal places of a whole cluster score, whatever their group. */
export type ClusterTail = Readonly<{
  /** How far above its group's usual score one lies that as many pass as may raise an alarm. */
  aboveUsual: number;
  /** How many scores say so. */
  scores: number;
}>;

export type Judgement = Readonly<{
  /** Infinite during warm-up. */
  threshold: number;
  alarm: boolean;
  /** What is normal has moved: the threshold stays where it was until somebody looks. */
  drifting: boolean;
}>;

/** Latest scores that are compared with the first ones for drift. */
const driftSample = 200;
/** Kolmogorov and Smirnov's statistic above which two samples differ, for 1 in 100,000: c·√((n + m) / nm). */
const driftCoefficient = 2.47;

/** Scores that are enough for a threshold where the model before had one. */
export const shortWarmUp = 20;

/** Of the level: scores that are nearer to each other are alike. */
const alikeShare = 0.01;

/** Of the level: two that differ by less are one level, once added up and once not. */
const alikeLevels = 1e-9;

/** Of the distance between the median and the threshold, for each alarm. */
const growth = 0.05;

export class Threshold {
  readonly #options: ThresholdOptions;
  readonly #window: ScoreWindow;
  /** What this workload did when it was new. */
  readonly #reference: number[] = [];
  #held: number | undefined;
  #sinceChecked = 0;
  #warmUp: number;
  #cluster: Readonly<{ usual: number; level: number }> | undefined;
  #tail: ClusterTail | undefined;

  constructor(options: ThresholdOptions) {
    this.#options = options;
    this.#window = new ScoreWindow(options.windowMax);
    this.#warmUp = options.warmUp;
  }

  get scores(): number {
    return this.#window.length;
  }

  /** Scores of known normal traces, before anything is judged: a recorded baseline ends the warm-up early. */
  seed(scores: readonly number[]): void {
    for (const score of scores) this.#window.push(score);
  }

  /**
   * The level is drawn to what a cluster's places say together while a group's own scores are too few to show so small a share: the
   * highest of fifty says little of it.
   */
  borrow(tail: ClusterTail | undefined): void {
    this.#tail = tail;
  }

  /**
   * Goes on where another model's threshold has left off: a workload that was guarded stays guarded when the model
   * changes, from `shortWarmUp` scores on.
   */
  succeed(before: Threshold): void {
    if (Number.isFinite(before.level())) this.#warmUp = Math.min(this.#warmUp, shortWarmUp);
  }

  /** From now on the level of a whole cluster counts, also before there are scores here; undefined: one's own again. */
  follow(cluster: Readonly<{ usual: number; level: number }> | undefined): void {
    this.#cluster = cluster;
  }

  /** What the scores seen here say, warm-up or not; undefined before the first. */
  sketch(): Readonly<{ count: number; usual: number; level: number }> | undefined {
    const count = this.#window.length;
    return count === 0 ? undefined : { count, usual: this.#window.quantile(0.5), level: this.#current() };
  }

  /** Scores that are wanted yet before any can be an alarm. */
  get wanted(): number {
    if (this.#cluster !== undefined || this.#held !== undefined) return 0;
    return Math.max(0, this.#warmUp - this.#window.length);
  }

  /** What a score must pass to be an alarm; infinite during warm-up. */
  level(): number {
    if (this.#cluster !== undefined) return this.#cluster.level;
    if (this.#held !== undefined) return this.#held;
    return this.#window.length >= this.#warmUp ? this.#current() : Number.POSITIVE_INFINITY;
  }

  /**
   * The share of usual places that may pass the level, where `alertRate` are to: the highest of n scores is passed by one in n + 1,
   * however few are to pass it. Of a level that lies between one's own and that of a cluster's places it is the share between theirs, as
   * an exponential tail has it. A level that a cluster said is taken at its word.
   */
  passedBy(alertRate: number): number {
    if (this.#cluster !== undefined) return alertRate;
    const passing = (scores: number) => Math.max(alertRate, 1 / (scores + 1));
    const own = passing(this.#window.length);
    if (this.#tail === undefined) return own;
    const share = this.#ownShare();
    return own ** share * passing(this.#tail.scores) ** (1 - share);
  }

  /**
   * How far a score is on the way from what is usual here (0) to an alarm (1), and how many such ways beyond; undefined during warm-up,
   * and where there is no way.
   */
  riskOf(score: number): number | undefined {
    const [usual, level] = [this.#usual(), this.level()];
    if (!Number.isFinite(level) || level <= usual) return undefined;
    if (score > level) return 1 + (score - level) / beyond(usual, level);
    return Math.max(0, (score - usual) / (level - usual));
  }

  /** Which share of usual places passes a score, of which `alertRate` may pass the level; undefined during warm-up. */
  tail(alertRate: number): ScoreTail | undefined {
    const [window, usual, level] = [this.#window, this.#usual(), this.level()];
    if (!Number.isFinite(level)) return undefined;
    const passedBy = this.passedBy(alertRate);
    return new ScoreTail({ window, usual, level, alertRate, passedBy, way: beyond(usual, level) });
  }

  /**
   * score: what may raise the alarm. alone: the score before anything else lifted it, which is all that is learnt of it: else each
   * minute of unusual rates would teach that such scores are usual.
   */
  judge(score: number, alone: number = score): Judgement {
    const threshold = this.level();
    const alarm = score > threshold;
    this.#window.push(alone > threshold ? this.#tamed(alone, threshold) : alone);
    if (this.#reference.length < driftSample) this.#reference.push(alone);
    else this.#watchDrift(threshold);
    return { threshold, alarm, drifting: this.#held !== undefined };
  }

  /**
   * How an alarm enters the window: just above the threshold. One intrusion must not lift the threshold over the next
   * one, and yet what becomes usual may lift it step by step.
   */
  #tamed(score: number, threshold: number): number {
    return Math.min(score, threshold + growth * Math.max(0, threshold - this.#usual()));
  }

  #usual(): number {
    return this.#cluster?.usual ?? this.#window.quantile(0.5);
  }

  #current(): number {
    const { rule } = this.#options;
    if (rule.kind === 'deviation') return this.#window.deviation(rule.k);
    const own = this.#window.quantile(1 - rule.alertRate);
    if (this.#tail === undefined || this.#window.length === 0) return own;
    const borrowed = this.#window.quantile(0.5) + this.#tail.aboveUsual;
    // Where both say the same, to the last bits: scores that equal the highest one before are no alarm.
    if (Math.abs(borrowed - own) <= alikeLevels * Math.abs(own)) return own;
    const share = this.#ownShare();
    return share * own + (1 - share) * borrowed;
  }

  /** How much one's own scores say of the level, 0 … 1; the rest is a cluster's. */
  #ownShare(): number {
    const { rule } = this.#options;
    return rule.kind === 'deviation' ? 1 : Math.min(1, this.#window.length * rule.alertRate);
  }

  /** Looks every `driftSample` scores; a threshold that would follow a drift is held instead. */
  #watchDrift(threshold: number): void {
    this.#sinceChecked += 1;
    if (this.#sinceChecked < driftSample || this.#window.length < driftSample) return;
    this.#sinceChecked = 0;
    const latest = this.#window.latest(driftSample);
    const limit = driftCoefficient * Math.sqrt(2 / driftSample);
    const drifts = largestGap(this.#reference, latest) > limit;
    if (!drifts) this.#held = undefined;
    else if (Number.isFinite(threshold)) this.#held ??= threshold;
  }
}

/** Beyond the level, how long one more way from usual to it is. Where scores are all alike, a little beyond them is far, but not without bounds. */
function beyond(usual: number, level: number): number {
  return Math.max(level - usual, alikeShare * Math.abs(level), Number.EPSILON);
}

/** Kolmogorov and Smirnov's statistic: the largest difference of the two distribution functions. */
export function largestGap(a: readonly number[], b: readonly number[]): number {
  const first = [...a].sort((x, y) => x - y);
  const second = [...b].sort((x, y) => x - y);
  let gap = 0;
  let i = 0;
  let j = 0;
  while (i < first.length && j < second.length) {
    const value = Math.min(first[i] as number, second[j] as number);
    while (first[i] === value) i += 1;
    while (second[j] === value) j += 1;
    gap = Math.max(gap, Math.abs(i / first.length - j / second.length));
  }
  return gap;
}
