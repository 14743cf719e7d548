import type { NormalScores } from './first-scores.ts';
import { type ClusterTail, Threshold, type ThresholdOptions } from './threshold.ts';

const groupsMax = 4_096;
const others = '(others)';

type Level = Readonly<{ usual: number; level: number }>;

/** A threshold for each group. They start from the scores of what is normal, and groups that have few of them from those of all. */
export class GroupThresholds {
  readonly #options: ThresholdOptions;
  readonly #tail: ClusterTail | undefined;
  readonly #thresholds = new Map<string, Threshold>();
  #levels: ReadonlyMap<string, Level> = new Map();

  constructor(normal: NormalScores, options: ThresholdOptions) {
    this.#options = options;
    this.#tail = tailOf(normal, options);
    for (const [group, scores] of normal) this.of(group).seed(scores.slice(-options.windowMax));
  }

  get size(): number {
    return this.#thresholds.size;
  }

  entries(): MapIterator<[string, Threshold]> {
    return this.#thresholds.entries();
  }

  /** Undefined for a group that nothing was asked of so far. */
  find(group: string): Threshold | undefined {
    return this.#thresholds.get(group);
  }

  of(group: string): Threshold {
    const known = this.#thresholds.get(group);
    if (known !== undefined) return known;
    // Names come from what is watched: whoever makes many of them shares one threshold.
    if (this.#thresholds.size >= groupsMax && group !== others) return this.of(others);
    const fresh = new Threshold(this.#options);
    fresh.borrow(this.#tail);
    fresh.follow(this.#levels.get(group));
    this.#thresholds.set(group, fresh);
    return fresh;
  }

  /** From now on these levels count, for the groups that are named. */
  follow(levels: ReadonlyMap<string, Level>): void {
    this.#levels = levels;
    for (const [group, threshold] of this.#thresholds) threshold.follow(levels.get(group));
  }
}

/** What the scores of all groups say together: how far above its group's middle one in as many as may raise an alarm stands. */
function tailOf(normal: NormalScores, { rule, windowMax }: ThresholdOptions): ClusterTail | undefined {
  if (rule.kind === 'deviation') return undefined;
  const above: number[] = [];
  for (const scores of normal.values()) {
    const sorted = scores.slice(-windowMax).sort((a, b) => a - b);
    const usual = sorted[Math.floor(sorted.length / 2)] ?? 0;
    for (const score of sorted) above.push(score - usual);
  }
  above.sort((a, b) => a - b);
  const aboveUsual = above[Math.min(above.length - 1, Math.floor((1 - rule.alertRate) * above.length))];
  return aboveUsual === undefined ? undefined : { aboveUsual, scores: above.length };
}
