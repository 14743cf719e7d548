import { type ModelName, type NormalScores, nameOf, type ScoringModel } from './score-protocol.ts';
import { Threshold, type ThresholdOptions } from './threshold.ts';

const groupsMax = 4_096;
const others = '(others)';

/** What belongs to one loaded model: scores of different models are on different scales, so are their thresholds. */
export class JudgedModel {
  readonly name: ModelName;
  readonly version: number;
  /** Groups whose normal has moved since this model scores. */
  readonly drifting = new Set<string>();
  readonly #options: ThresholdOptions;
  readonly #thresholds = new Map<string, Threshold>();

  constructor(model: ScoringModel, normal: NormalScores, options: ThresholdOptions) {
    this.name = nameOf(model);
    this.version = model.version;
    this.#options = options;
    for (const [workload, scores] of normal) this.of(workload).seed(scores.slice(-options.windowMax));
  }

  get workloads(): number {
    return this.#thresholds.size;
  }

  of(group: string): Threshold {
    const known = this.#thresholds.get(group);
    if (known !== undefined) return known;
    // Names come from what is watched: whoever makes many of them shares one threshold.
    if (this.#thresholds.size >= groupsMax && group !== others) return this.of(others);
    const fresh = new Threshold(this.#options);
    this.#thresholds.set(group, fresh);
    return fresh;
  }

  /** Workloads that the model before guarded are guarded at once. */
  succeed(before: JudgedModel | undefined): void {
    if (before === undefined) return;
    for (const [workload, threshold] of before.#thresholds) this.of(workload).succeed(threshold);
  }

  /** What a score must pass to be an alarm; infinite where there is nothing to judge by yet. Nothing is remembered. */
  level(workload: string): number {
    return this.#thresholds.get(workload)?.level() ?? Number.POSITIVE_INFINITY;
  }
}
