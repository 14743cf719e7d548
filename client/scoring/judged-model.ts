import { type ModelName, type NormalScores, nameOf, type ScoringModel } from './score-protocol.ts';
import { Threshold, type ThresholdOptions } from './threshold.ts';

/** What a score of one group under one model must pass, and what is usual, by the scores of a whole cluster. */
export type GroupLevel = Readonly<{ model: string; group: string; usual: number; level: number }>;
/** The same by the latest scores of this machine alone, with how many they are. */
export type GroupSketch = GroupLevel & Readonly<{ count: number }>;

const groupsMax = 4_096;
const others = '(others)';

/** What belongs to one loaded model: scores of different models are on different scales, so are their thresholds. */
export class JudgedModel {
  readonly name: ModelName;
  readonly version: number;
  /** What its calibration says of itself. */
  readonly remarks: readonly string[];
  /** Groups whose normal has moved since this model scores. */
  readonly drifting = new Set<string>();
  readonly #options: ThresholdOptions;
  readonly #thresholds = new Map<string, Threshold>();
  readonly #aboveUsual: number | undefined;
  #levels: ReadonlyMap<string, GroupLevel> = new Map();

  constructor(
    model: ScoringModel,
    { normal, remarks }: Readonly<{ normal: NormalScores; remarks: readonly string[] }>,
    options: ThresholdOptions,
  ) {
    this.remarks = remarks;
    this.name = nameOf(model);
    this.version = model.version;
    this.#options = options;
    this.#aboveUsual = aboveUsualOf(normal, options);
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
    fresh.borrow(this.#aboveUsual);
    fresh.follow(this.#levels.get(group));
    this.#thresholds.set(group, fresh);
    return fresh;
  }

  /** Workloads that the model before guarded are guarded at once. */
  succeed(before: JudgedModel | undefined): void {
    if (before === undefined) return;
    for (const [workload, threshold] of before.#thresholds) this.of(workload).succeed(threshold);
  }

  /** Goes by what the whole cluster's scores say, for the groups of this model that are named. */
  follow(levels: readonly GroupLevel[]): void {
    this.#levels = new Map(levels.filter(({ model }) => model === this.name).map((one) => [one.group, one]));
    for (const [group, threshold] of this.#thresholds) threshold.follow(this.#levels.get(group));
  }

  sketches(): readonly GroupSketch[] {
    return [...this.#thresholds].flatMap(([group, threshold]) => {
      const said = threshold.sketch();
      return said === undefined ? [] : [{ model: this.name, group, ...said }];
    });
  }

  /** What a score must pass to be an alarm; infinite where there is nothing to judge by yet. Nothing is remembered. */
  level(workload: string): number {
    return this.#thresholds.get(workload)?.level() ?? Number.POSITIVE_INFINITY;
  }
}

/** What the scores of all groups say together: how far above its group's middle one in as many as may raise an alarm stands. */
function aboveUsualOf(normal: NormalScores, { rule, windowMax }: ThresholdOptions): number | undefined {
  if (rule.kind === 'deviation') return undefined;
  const above: number[] = [];
  for (const scores of normal.values()) {
    const sorted = scores.slice(-windowMax).sort((a, b) => a - b);
    const usual = sorted[Math.floor(sorted.length / 2)] ?? 0;
    for (const score of sorted) above.push(score - usual);
  }
  above.sort((a, b) => a - b);
  return above[Math.min(above.length - 1, Math.floor((1 - rule.alertRate) * above.length))];
}
