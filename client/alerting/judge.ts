import type { Logger } from 'pino';
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
import type { ScoringModel } from './score-protocol.ts';
import type { Scorer } from './scorer.ts';
import { Threshold, type ThresholdOptions } from './threshold.ts';

export type JudgeParts = Readonly<{
  track: string;
  scorer: Scorer;
  alerts: AlertStore;
  threshold: ThresholdOptions;
  /** Workload to the calls of its baseline. */
  seenCalls: ReadonlyMap<string, ReadonlySet<number>>;
  metrics: ClientMetrics;
  log: Logger;
}>;

const labelsMax = 256;
/** Another tool's alert speaks of the same thing when it is about the same pod and within this time. */
const labelWithinMs = 60_000;

/** Score → threshold → alert, for live traces. Until the first model is there everything counts as normal. */
export class Judge {
  readonly #parts: JudgeParts;
  #thresholds = new Map<string, Threshold>();
  #labels: IntrusionLabel[] = [];
  #version: number | undefined;
  #drifting = new Set<string>();

  constructor(parts: JudgeParts) {
    this.#parts = parts;
  }

  /** Scores with another model from now on. Its scores are on another scale, so thresholds start from its own. */
  async install(model: ScoringModel): Promise<void> {
    const { scorer, log, threshold, metrics } = this.#parts;
    const loaded = await scorer.load(model);
    if (!loaded.ok) {
      log.warn({ ...faultFields(loaded.fault), version: model.version }, 'model not installed, the last one stays');
      return;
    }
    this.#version = model.version;
    this.#drifting = new Set();
    this.#thresholds = new Map(
      [...loaded.value.normal].map(([workload, scores]) => {
        const own = new Threshold(threshold);
        own.seed(scores.slice(-threshold.windowMax));
        return [workload, own];
      }),
    );
    const missed = loaded.value.regression.filter(({ workload, score }) => !this.#peek(workload, score)).length;
    metrics.regressionMissed.set(missed);
    const cases = loaded.value.regression.length;
    if (missed > 0) log.warn({ missed, cases, version: model.version }, 'confirmed intrusions that this model misses');
    log.info({ version: model.version, workloads: this.#thresholds.size, cases }, 'model scores now');
  }

  hear(label: IntrusionLabel): void {
    this.#labels.push(label);
    if (this.#labels.length > labelsMax) this.#labels = this.#labels.slice(-labelsMax / 2);
  }

  /** The traces that are normal as far as anybody knows: what is learnt from. */
  async judge(traces: readonly AssembledTrace[]): Promise<readonly AssembledTrace[]> {
    const { scorer, metrics, log } = this.#parts;
    if (this.#version === undefined) return traces;
    const scored = await scorer.score(traces.map(({ process, calls }) => ({ workload: process.workloadClass, calls })));
    if (!scored.ok) {
      log.warn(faultFields(scored.fault), 'traces could not be scored and are not learnt from');
      return [];
    }
    const normal: AssembledTrace[] = [];
    for (const [at, trace] of traces.entries()) {
      const score = scored.value[at] as number;
      metrics.scored.inc();
      const workload = trace.process.workloadClass;
      const { alarm, threshold, drifting } = this.#thresholdOf(workload).judge(score);
      this.#reportDrift(workload, drifting);
      if (!alarm) normal.push(trace);
      else await this.#raise(trace, score, threshold);
    }
    return normal;
  }

  async #raise(trace: AssembledTrace, score: number, threshold: number): Promise<void> {
    const { alerts, scorer, track, metrics, log } = this.#parts;
    const explained = await scorer.explain({ workload: trace.process.workloadClass, calls: trace.calls });
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
      modelVersion: this.#version ?? 0,
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

  #reportDrift(workload: string, drifting: boolean): void {
    if (drifting === this.#drifting.has(workload)) return;
    if (drifting) this.#drifting.add(workload);
    else this.#drifting.delete(workload);
    this.#parts.metrics.drifting.set(this.#drifting.size);
    this.#parts.log.warn({ workload, drifting }, 'what is normal for a workload has moved');
  }

  #peek(workload: string, score: number): boolean {
    const own = this.#thresholds.get(workload);
    return own === undefined || score > own.level();
  }

  #thresholdOf(workload: string): Threshold {
    const known = this.#thresholds.get(workload);
    if (known !== undefined) return known;
    const fresh = new Threshold(this.#parts.threshold);
    this.#thresholds.set(workload, fresh);
    return fresh;
  }
}

/** Classes of what the least expected calls named. */
function argumentsOf(trace: AssembledTrace, explanation: TraceExplanation | undefined): string[] {
  const classes = (explanation?.calls ?? []).map(({ position }) => trace.argumentClasses[position] ?? 0);
  return [...new Set(classes.filter((id) => id !== 0))].map((id) => argumentClasses[id] ?? 'none');
}
