import type { Logger } from 'pino';
import { ok, type Result, refuse } from '../../proto/fault.ts';
import type { TraceExplanation } from '../detectors/syscall/explain.ts';
import { nameOfCallId } from '../detectors/syscall/vocabulary.ts';
import { faultFields } from '../observability/log.ts';
import type { ClientMetrics } from '../observability/metrics.ts';
import { argumentClasses } from '../sources/argument-class.ts';
import type { IntrusionLabel } from '../sources/source-item.ts';
import type { AssembledTrace } from '../sources/trace-assembler.ts';
import { exampleOf } from '../training/example-of-trace.ts';
import { type Alert, alertId } from './alert.ts';
import type { AlertStore } from './alert-store.ts';
import { JudgedModel } from './judged-model.ts';
import { type JudgedTrace, type ModelName, type ModelScores, nameOf, type ScoringModel } from './score-protocol.ts';
import type { Scorer } from './scorer.ts';
import type { ThresholdOptions } from './threshold.ts';

export type JudgeParts = Readonly<{
  track: string;
  scorer: Scorer;
  alerts: AlertStore;
  threshold: ThresholdOptions;
  /** Workload to the calls of its baseline. */
  seenCalls: ReadonlyMap<string, ReadonlySet<number>>;
  /** Confirmed intrusions that operators gave: a model that misses them is reported. */
  regressionCases(): readonly JudgedTrace[];
  metrics: ClientMetrics;
  log: Logger;
}>;

/** What both models said of one batch; a shadow's word counts nowhere else. */
export type ShadowObserver = (seen: ShadowObservation) => void;
export type ShadowObservation = Readonly<{
  live: Readonly<{ version: number; alarms: readonly boolean[]; microseconds: number }>;
  shadow: Readonly<{ version: number; alarms: readonly boolean[]; microseconds: number }>;
}>;

const labelsMax = 256;
/** Another tool's alert speaks of the same thing when it is about the same pod and within this time. */
const labelWithinMs = 60_000;
/** Newest normal traces that a new model is warmed on. */
const recentMax = 256;

/** Score → threshold → alert, for live traces. Until the first model is there everything counts as normal. */
export class Judge {
  readonly #parts: JudgeParts;
  /** What is loaded in the scorer, by name. */
  readonly #loaded = new Map<ModelName, { model: ScoringModel; judged: JudgedModel }>();
  #live: ModelName | undefined;
  #shadow: { name: ModelName; observe: ShadowObserver } | undefined;
  #labels: IntrusionLabel[] = [];
  readonly #recent: JudgedTrace[] = [];
  #nextRecent = 0;
  #recovering: Promise<boolean> | undefined;

  constructor(parts: JudgeParts) {
    this.#parts = parts;
  }

  /** The version that scores now. */
  get liveVersion(): number | undefined {
    return this.#judgedOf(this.#live)?.version;
  }

  /** Loads a model beside the live one and warms it on what is normal here; the live one goes on scoring meanwhile. */
  async load(model: ScoringModel): Promise<Result<ModelName>> {
    const name = nameOf(model);
    if (this.#loaded.has(name)) return ok(name);
    const loaded = await this.#parts.scorer.load(model, this.#recent);
    if (!loaded.ok) return loaded;
    const judged = new JudgedModel(model, loaded.value.normal, this.#parts.threshold);
    judged.succeed(this.#judgedOf(this.#live));
    this.#loaded.set(name, { model, judged });
    return ok(name);
  }

  /** Makes a loaded model the live one, from one batch to the next. */
  async swap(name: ModelName): Promise<Result<undefined>> {
    const { scorer, log } = this.#parts;
    const next = this.#loaded.get(name);
    if (next === undefined) return refuse('MODEL_NOT_LOADED', `${name} was not loaded; load it first`);
    const swapped = await scorer.swap(name);
    if (!swapped.ok) return swapped;
    const before = this.#live;
    this.#live = name;
    if (this.#shadow?.name === name) this.#shadow = undefined;
    if (before !== undefined && before !== name && before !== this.#shadow?.name) this.#loaded.delete(before);
    const { version, workloads } = next.judged;
    log.info({ version, workloads }, 'model scores now');
    await this.#countMissed(next.judged);
    return ok(undefined);
  }

  /** Runs a loaded model in shadow: `observe` hears what both say of each batch. Nothing ends the shadow run. */
  async shadow(name: ModelName | undefined, observe: ShadowObserver = () => undefined): Promise<Result<undefined>> {
    if (name !== undefined && !this.#loaded.has(name)) {
      return refuse('MODEL_NOT_LOADED', `${name} was not loaded; load it first`);
    }
    const set = await this.#parts.scorer.shadow(name);
    if (!set.ok) return set;
    const before = this.#shadow?.name;
    this.#shadow = name === undefined ? undefined : { name, observe };
    if (before !== undefined && before !== name && before !== this.#live) this.#loaded.delete(before);
    return ok(undefined);
  }

  /** Forgets a model that is neither live nor in shadow. */
  async drop(name: ModelName): Promise<void> {
    if (name === this.#live || name === this.#shadow?.name) return;
    await this.#parts.scorer.drop(name);
    this.#loaded.delete(name);
  }

  /**
   * Whether a loaded model would be alarmed by each of these cases; undefined where it has no threshold for the case's
   * workload yet. Nothing is remembered of them.
   */
  async assess(name: ModelName, cases: readonly JudgedTrace[]): Promise<Result<readonly (boolean | undefined)[]>> {
    const judged = this.#judgedOf(name);
    if (judged === undefined) return refuse('MODEL_NOT_LOADED', `${name} was not loaded; load it first`);
    const scored = await this.#parts.scorer.assess(name, cases);
    if (!scored.ok) return scored;
    return ok(
      cases.map(({ workload }, at) => {
        const level = judged.level(workload);
        return Number.isFinite(level) ? (scored.value[at] as number) > level : undefined;
      }),
    );
  }

  hear(label: IntrusionLabel): void {
    this.#labels.push(label);
    if (this.#labels.length > labelsMax) this.#labels = this.#labels.slice(-labelsMax / 2);
  }

  /** The traces that are normal as far as anybody knows: what is learnt from. */
  async judge(traces: readonly AssembledTrace[]): Promise<readonly AssembledTrace[]> {
    if (this.#live === undefined || traces.length === 0) return traces;
    const asked = traces.map(({ process, calls }) => ({ workload: process.workloadClass, calls }));
    const scored = await this.#score(asked);
    if (!scored.ok) {
      this.#parts.log.warn(faultFields(scored.fault), 'traces could not be scored and are not learnt from');
      return [];
    }
    const { live, shadow } = scored.value;
    // The model that scored them judges them: by now another one may be live.
    const judged = this.#judgedOf(live.model);
    if (judged === undefined) throw new Error(`${live.model} scored and is not known`);
    const alarms = traces.map((trace, at) => this.#judgeOne(judged, trace, live.scores[at] as number));
    if (shadow !== undefined) this.#observe(judged, alarms, asked, live, shadow);
    const normal: AssembledTrace[] = [];
    for (const [at, trace] of traces.entries()) {
      const alarm = alarms[at] as Alarm;
      if (alarm.raised) await this.#raise(judged, trace, live.scores[at] as number, alarm.threshold);
      else {
        normal.push(trace);
        this.#remember(asked[at] as JudgedTrace);
      }
    }
    return normal;
  }

  /** Scores, and where the thread was lost brings it back with the models it held and asks once more. */
  async #score(traces: readonly JudgedTrace[]) {
    const { scorer } = this.#parts;
    const scored = await scorer.score(traces);
    if (scored.ok || scored.fault.code !== 'SCORER_LOST' || !(await this.#recover())) return scored;
    return await scorer.score(traces);
  }

  #recover(): Promise<boolean> {
    this.#recovering ??= this.#reload().finally(() => {
      this.#recovering = undefined;
    });
    return this.#recovering;
  }

  async #reload(): Promise<boolean> {
    const { scorer, log } = this.#parts;
    const live = this.#live === undefined ? undefined : this.#loaded.get(this.#live);
    if (live === undefined) return false;
    const loaded = await scorer.load(live.model, this.#recent);
    const swapped = loaded.ok ? await scorer.swap(nameOf(live.model)) : loaded;
    if (!swapped.ok) {
      log.error({ ...faultFields(swapped.fault), version: live.model.version }, 'the live model could not be reloaded');
      return false;
    }
    log.warn({ version: live.model.version }, 'the scoring thread was lost and is back with the live model');
    const shadow = this.#shadow === undefined ? undefined : this.#loaded.get(this.#shadow.name);
    if (shadow !== undefined) {
      const beside = await scorer.load(shadow.model, this.#recent);
      if (beside.ok) await scorer.shadow(nameOf(shadow.model));
    }
    return true;
  }

  #judgeOne(judged: JudgedModel, trace: AssembledTrace, score: number): Alarm {
    this.#parts.metrics.scored.inc();
    const workload = trace.process.workloadClass;
    const { alarm, threshold, drifting } = judged.of(workload).judge(score);
    this.#reportDrift(judged, workload, drifting);
    return { raised: alarm, threshold };
  }

  #observe(
    judged: JudgedModel,
    alarms: readonly Alarm[],
    traces: readonly JudgedTrace[],
    live: ModelScores,
    shadow: ModelScores,
  ): void {
    const beside = this.#judgedOf(shadow.model);
    if (beside === undefined || this.#shadow?.name !== shadow.model) return;
    const shadowAlarms: boolean[] = [];
    const liveAlarms: boolean[] = [];
    for (const [at, { workload }] of traces.entries()) {
      const said = beside.of(workload).judge(shadow.scores[at] as number);
      // Who has no threshold yet cannot disagree.
      const { threshold, raised } = alarms[at] as Alarm;
      if (!Number.isFinite(said.threshold) || !Number.isFinite(threshold)) continue;
      shadowAlarms.push(said.alarm);
      liveAlarms.push(raised);
    }
    const share = shadowAlarms.length / traces.length;
    this.#shadow.observe({
      live: { version: judged.version, alarms: liveAlarms, microseconds: live.microseconds * share },
      shadow: { version: beside.version, alarms: shadowAlarms, microseconds: shadow.microseconds * share },
    });
  }

  #remember(trace: JudgedTrace): void {
    this.#recent[this.#nextRecent] = trace;
    this.#nextRecent = (this.#nextRecent + 1) % recentMax;
  }

  async #countMissed(judged: JudgedModel): Promise<void> {
    const { metrics, log } = this.#parts;
    const cases = this.#parts.regressionCases();
    const found = await this.assess(judged.name, cases);
    if (!found.ok) return;
    const missed = found.value.filter((alarm) => alarm === false).length;
    metrics.regressionMissed.set(missed);
    if (missed === 0) return;
    const version = judged.version;
    log.warn({ missed, cases: cases.length, version }, 'confirmed intrusions that this model misses');
  }

  #judgedOf(name: ModelName | undefined): JudgedModel | undefined {
    return name === undefined ? undefined : this.#loaded.get(name)?.judged;
  }

  async #raise(judged: JudgedModel, trace: AssembledTrace, score: number, threshold: number): Promise<void> {
    const { alerts, scorer, track, metrics, log } = this.#parts;
    const explained = await scorer.explain(judged.name, {
      workload: trace.process.workloadClass,
      calls: trace.calls,
    });
    if (!explained.ok) log.warn(faultFields(explained.fault), 'an alert could not be explained');
    const explanation = explained.ok ? explained.value.explanation : undefined;
    const why = explained.ok ? `\n${explained.value.text}` : '';
    const { pod, namespace, workloadClass } = trace.process;
    const seen = this.#parts.seenCalls.get(workloadClass);
    const neverSeen =
      seen === undefined ? [] : [...new Set(trace.calls)].filter((id) => !seen.has(id)).map(nameOfCallId);
    const never = neverSeen.length === 0 ? '' : `; never seen before: ${neverSeen.join(', ')}`;
    const alert: Alert = {
      id: alertId(trace),
      at: new Date(trace.lastMs > 0 ? trace.lastMs : Date.now()).toISOString(),
      track,
      modelVersion: judged.version,
      score,
      threshold,
      process: trace.process,
      calls: trace.calls.length,
      explanation,
      arguments: argumentsOf(trace, explanation),
      neverSeen,
      text: `${workloadClass}${pod === '' ? '' : ` in ${namespace}/${pod}`}: score ${score.toFixed(2)} above ${threshold.toFixed(2)}${never}${why}`,
      labels: this.#labelsFor(trace),
    };
    if (!(await alerts.raise(alert, exampleOf(trace)))) return;
    metrics.alerts.inc();
    log.warn({ alert: alert.id, score, threshold, workload: workloadClass, namespace, pod }, 'alert');
  }

  #labelsFor({ process, firstMs, lastMs }: AssembledTrace): string[] {
    if (process.pod === '') return [];
    return this.#labels
      .filter(({ pod, namespace, atMs }) => {
        const near = atMs >= firstMs - labelWithinMs && atMs <= lastMs + labelWithinMs;
        return pod === process.pod && namespace === process.namespace && near;
      })
      .map(({ rule }) => rule);
  }

  #reportDrift(judged: JudgedModel, workload: string, drifting: boolean): void {
    if (drifting === judged.drifting.has(workload)) return;
    if (drifting) judged.drifting.add(workload);
    else judged.drifting.delete(workload);
    this.#parts.metrics.drifting.set(judged.drifting.size);
    this.#parts.log.warn({ workload, drifting }, 'what is normal for a workload has moved');
  }
}

type Alarm = Readonly<{ raised: boolean; threshold: number }>;

/** Classes of what the least expected calls named. */
function argumentsOf(trace: AssembledTrace, explanation: TraceExplanation | undefined): string[] {
  const classes = (explanation?.calls ?? []).map(({ position }) => trace.argumentClasses[position] ?? 0);
  return [...new Set(classes.filter((id) => id !== 0))].map((id) => argumentClasses[id] ?? 'none');
}
