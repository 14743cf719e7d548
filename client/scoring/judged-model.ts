import type { EpochMs } from '../../base/time.ts';
import type { PlaceScores } from '../tracks/place-scores.ts';
import { type Holds, type ModelName, nameOf, type ScoringModel } from './score-protocol.ts';
import type { NormalScores } from './thresholds/first-scores.ts';
import { GroupThresholds } from './thresholds/group-thresholds.ts';
import type { Threshold, ThresholdOptions } from './thresholds/threshold.ts';
import { unguardedTexts } from './thresholds/unguarded-texts.ts';

/** What a score of one group under one model must pass, and what is usual, by the scores of a whole cluster. */
export type GroupLevel = Readonly<{ model: string; group: string; usual: number; level: number }>;
/** The same by the latest scores of this machine alone, with how many they are. */
export type GroupSketch = GroupLevel & Readonly<{ count: number }>;

/** What belongs to one loaded model: scores of different models are on different scales, so are their thresholds. */
export class JudgedModel {
  readonly name: ModelName;
  readonly version: number;
  /** Groups whose normal has moved since this model scores. */
  readonly drifting = new Set<string>();
  readonly #thresholds: GroupThresholds;
  readonly #ofCalibration: readonly string[];
  #holds: Holds;

  constructor(
    model: ScoringModel,
    { normal, remarks, holds }: Readonly<{ normal: NormalScores; remarks: readonly string[]; holds: Holds }>,
    options: ThresholdOptions,
  ) {
    this.#ofCalibration = remarks;
    this.name = nameOf(model);
    this.version = model.version;
    this.#holds = holds;
    this.#thresholds = new GroupThresholds(normal, options);
  }

  /** What its calibration says of itself, and whose work cannot raise an alarm yet. */
  get remarks(): readonly string[] {
    return [...this.#ofCalibration, ...unguardedTexts(this.#thresholds)];
  }

  /** Whether it would be loaded with the same antibodies at this time. */
  isAsOf(nowMs: EpochMs): boolean {
    return nowMs >= this.#holds.fromMs && nowMs < this.#holds.untilMs;
  }

  /** Takes it for what would be loaded, until then. */
  bearUntil(untilMs: EpochMs): void {
    this.#holds = { fromMs: Number.NEGATIVE_INFINITY, untilMs };
  }

  get workloads(): number {
    return this.#thresholds.size;
  }

  of(group: string): Threshold {
    return this.#thresholds.of(group);
  }

  /** Workloads that the model before guarded are guarded at once. */
  succeed(before: JudgedModel | undefined): void {
    if (before === undefined) return;
    for (const [workload, threshold] of before.#thresholds.entries()) this.of(workload).succeed(threshold);
  }

  /** Goes by what the whole cluster's scores say, for the groups of this model that are named. */
  follow(levels: readonly GroupLevel[]): void {
    this.#thresholds.follow(new Map(levels.filter(({ model }) => model === this.name).map((one) => [one.group, one])));
  }

  sketches(): readonly GroupSketch[] {
    return [...this.#thresholds.entries()].flatMap(([group, threshold]) => {
      const said = threshold.sketch();
      return said === undefined ? [] : [{ model: this.name, group, ...said }];
    });
  }

  /** What a score must pass to be an alarm; infinite where there is nothing to judge by yet. Nothing is remembered. */
  level(workload: string): number {
    return this.#thresholds.find(workload)?.level() ?? Number.POSITIVE_INFINITY;
  }

  /** Whether any of these places would be an alarm; undefined where there is nothing to judge one by yet. Nothing is remembered. */
  wouldAlarm({ groups, scores }: PlaceScores): boolean | undefined {
    const levels = groups.map((group) => this.level(group));
    if (!levels.some(Number.isFinite)) return undefined;
    return levels.some((level, place) => (scores[place] as number) > level);
  }
}
