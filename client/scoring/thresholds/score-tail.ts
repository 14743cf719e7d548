import type { ScoreWindow } from './score-window.ts';

/** What a tail rests on. */
export type TailFacts = Readonly<{
  /** The workload's latest scores. */
  window: ScoreWindow;
  /** The score that half of them pass, and what one must pass to be an alarm. */
  usual: number;
  level: number;
  /** The share that may pass the level, and the share that does as far as so many scores can tell. */
  alertRate: number;
  passedBy: number;
  /** Beyond the level, how long one more way from usual to it is. */
  way: number;
}>;

type Knot = Readonly<{ score: number; share: number }>;

/**
 * Which share of usual places passes a score, and which score a share passes: between what is usual and the level as the workload's
 * own scores have it, the k-th highest of n passed by k in n + 1; from the highest to the level, and beyond, as an exponential tail.
 */
export class ScoreTail {
  readonly #facts: TailFacts;
  /** By how much the logarithm of the share falls on one way. */
  readonly #nats: number;

  constructor(facts: TailFacts) {
    this.#facts = facts;
    this.#nats = Math.max(Math.LN2, Math.log(0.5 / facts.passedBy));
  }

  /** 0.5 for whatever is below what is usual. */
  shareAbove(score: number): number {
    const { window, usual, level, passedBy, way } = this.#facts;
    if (score > level) return passedBy * Math.exp((-this.#nats * (score - level)) / way);
    if (score <= usual) return 0.5;
    const place = window.below(score);
    const [low, high] = [this.#knot(place - 1), this.#knot(place)];
    return low.share * (high.share / low.share) ** ((score - low.score) / (high.score - low.score));
  }

  /**
   * Never more than half of them, and past the level only what is rarer than an alarm may be: few scores make a level that more
   * than that pass.
   */
  scoreOf(share: number): number {
    const { window, usual, level, alertRate, passedBy, way } = this.#facts;
    if (share >= 0.5) return Math.min(usual, level);
    if (share < alertRate) return level + (Math.log(alertRate / share) / this.#nats) * way;
    if (share <= passedBy) return level;
    const place = Math.floor(window.length - share * (window.length + 1));
    const [low, high] = [this.#knot(place), this.#knot(place + 1)];
    if (low.share <= high.share) return low.score;
    const along = Math.log(low.share / share) / Math.log(low.share / high.share);
    return Math.min(high.score, low.score + Math.max(0, along) * (high.score - low.score));
  }

  /** The score at a place, lowest first, where it lies between what is usual and the level, and these where it does not. */
  #knot(place: number): Knot {
    const { window, usual, level, passedBy } = this.#facts;
    const score = window.at(place) ?? (place < 0 ? usual : level);
    if (score >= level) return { score: level, share: passedBy };
    if (score <= usual) return { score: usual, share: 0.5 };
    const share = (window.length - place) / (window.length + 1);
    return { score, share: Math.min(0.5, Math.max(passedBy, share)) };
  }
}
