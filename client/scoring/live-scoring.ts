import { join } from 'node:path';
import type { Result } from '../../base/fault.ts';
import { faultFields, type Log } from '../../base/log.ts';
import { pause } from '../../base/pause.ts';
import type { Timers } from '../../base/time.ts';
import type { Digest, TrackId } from '../../proto/ids.ts';
import type { ModelSpec } from '../../proto/model-spec.ts';
import type { IntrusionLabel } from '../events/source-item.ts';
import type { BufferSizes } from '../learning/example-buffer.ts';
import type { LocalTrack } from '../learning/local-track.ts';
import type { ClientMetrics } from '../observability/metrics.ts';
import type { WorkloadRates } from '../rates/workload-rates.ts';
import { recordKey } from '../storage/sealed-record.ts';
import type { Subject } from '../tracks/track-kind.ts';
import type { Alert } from './alert.ts';
import { AlertStore, alertFolder } from './alert-store.ts';
import { makeOwnAntibodies, type OwnAntibodiesParts } from './confirmed/own-antibodies.ts';
import { applyFeedback } from './feedback.ts';
import { Judge } from './judge.ts';
import type { GroupLevel, GroupSketch } from './judged-model.ts';
import { RateWatch } from './rates-seen.ts';
import type { CheckedFile, HeldAntibody, ModelName } from './score-protocol.ts';
import { type ScoreFaultCode, type ScoreLink, Scorer } from './scoring-thread.ts';
import type { ShadowObserver } from './shadow-verdicts.ts';
import { defaultWindowMax } from './thresholds/threshold.ts';

/** What scoring reads of the client's configuration. */
export type ScoringSettings = Readonly<{
  dataDirectory: string;
  buffer: BufferSizes;
  scoring: Readonly<{
    /** Absolute; beside the data unless given. */
    alertFile?: string | undefined;
    alertRate: number;
    deviations: number | null;
    warmUp: number;
    callWeights: 'none' | 'tfidf';
    rates: boolean;
  }>;
  agent: Readonly<{ inference: 'weights' | 'light' }>;
}>;

export type LiveScoringParts = Readonly<{
  config: ScoringSettings;
  track: LocalTrack;
  dataKey: Uint8Array;
  /** Where models are asked; a thread of their own unless given. */
  link?: ScoreLink;
  /** Takes alerts in, in the place of the alert file: a sensor's go to its hub. */
  alerts?: Pick<AlertStore, 'raise'>;
  /** What is counted of workloads by the minute; scores count alone unless given. */
  rates?: WorkloadRates | undefined;
  /** Who this cluster is, for what it makes of confirmed alerts; nobody unless given. */
  identity?: OwnAntibodiesParts['identity'];
  /** Hears how near to its threshold each place came. */
  onRisk(track: TrackId, subject: Subject, risk: number): void;
  /** Hears each alert that went into the alert file. */
  onAlert?: ((alert: Alert) => void) | undefined;
  metrics: ClientMetrics;
  log: Log;
  timers: Timers;
}>;

/** A model whose files lie on this machine. */
export type HeldModel = Readonly<{
  version: number;
  /** Its weights'. */
  digest: Digest;
  spec: ModelSpec;
  /** Where they lie; who fetches light forms alone has no weights. */
  weightsPath: string;
  /** The manifest of the release that it belongs to; absent of a model that none signed. */
  manifest?: CheckedFile;
  /** The 8-bit ONNX form, where the release has one. */
  light?: CheckedFile;
  /** What other clusters confirmed about attacks, where the release brings any. */
  antibodies?: CheckedFile;
  /** Antibodies that operators hold this cluster to, in use or out of it. */
  heldAntibodies?: readonly HeldAntibody[];
}>;

const feedbackEveryMs = 1_000;
/** A model that was loaded before this cluster had anything to show is calibrated anew from so many examples on. */
const firstCalibration = 8;

/**
 * What a scorer is told of the operator's settings. Where the threshold is k deviations above the mean, no share was said:
 * at most 1 / (1 + k²) of any distribution lies above it (Cantelli's inequality).
 */
export function scorerOptionsOf({ callWeights, alertRate, deviations }: ScoringSettings['scoring']) {
  return { callWeights, alertRate: deviations === null ? alertRate : 1 / (1 + deviations ** 2) };
}

/** One track's way from what happens to an alert, and back from an operator's word to the buffer. */
export class LiveScoring {
  readonly #parts: LiveScoringParts;
  readonly #scorer: Scorer;
  readonly #alerts: AlertStore;
  readonly #judge: Judge;
  readonly #stopping = new AbortController();
  #listening: Promise<void> = Promise.resolve();
  /** Examples that the running models were calibrated on. */
  #calibratedOn = 0;

  constructor(parts: LiveScoringParts) {
    this.#parts = parts;
    this.#scorer = new Scorer(parts.link);
    const { config, dataKey, metrics, log, timers, track } = parts;
    const { id, kind, buffer, baseline } = track;
    const { dataDirectory, scoring } = config;
    const key = recordKey(dataKey, 'alerts');
    const alertFile = scoring.alertFile ?? join(dataDirectory, 'alerts.jsonl');
    this.#alerts = new AlertStore(alertFolder(dataDirectory, id), alertFile, key, kind.examples);
    this.#alerts.onRaised = (alert) => parts.onAlert?.(alert);
    this.#judge = new Judge({
      track: id,
      kind,
      scorer: this.#scorer,
      alerts: parts.alerts ?? this.#alerts,
      threshold: {
        rule:
          scoring.deviations === null
            ? { kind: 'quantile', alertRate: scoring.alertRate }
            : { kind: 'deviation', k: scoring.deviations },
        warmUp: scoring.warmUp,
        windowMax: Math.max(defaultWindowMax, 2 * scoring.warmUp),
      },
      remark: (observation) => baseline?.remark(observation),
      rates: parts.rates && new RateWatch(parts.rates, scorerOptionsOf(scoring).alertRate, timers.now),
      onRisk: (subject, risk) => parts.onRisk(id, subject, risk),
      regressionCases: () => buffer.read(['regression']).examples,
      metrics,
      log,
      clock: timers.now,
    });
  }

  /** Begins to listen for feedback. */
  start(): void {
    this.#listening = this.#listen();
  }

  /** What the live model's calibration says of itself. */
  get remarks(): readonly string[] {
    return this.#judge.remarks;
  }

  /** The version that scores now. */
  get liveVersion(): number | undefined {
    return this.#judge.liveVersion;
  }

  /** Loads a model and makes it the live one if it is wanted still; where that fails the last one stays. */
  async install(model: HeldModel, isWanted = () => true): Promise<void> {
    const loaded = await this.load(model);
    if (!isWanted()) return; // Not dropped: under the same name may run by now what took its place.
    const swapped = loaded.ok ? await this.swap(loaded.value) : loaded;
    if (swapped.ok) return;
    const fields = { ...faultFields(swapped.fault), version: model.version };
    this.#parts.log.warn(fields, 'model not installed, the last one stays');
  }

  /** Loads and warms a model beside the live one. */
  async load({
    version,
    digest,
    spec,
    weightsPath,
    light,
    antibodies,
    heldAntibodies,
  }: HeldModel): Promise<Result<ModelName, ScoreFaultCode>> {
    const { config, dataKey, track } = this.#parts;
    // Beside a live model the older calibration counts: the two are compared, so both are to be calibrated alike.
    if (this.liveVersion === undefined) this.#calibratedOn = track.buffer.counts().seen;
    return await this.#judge.load({
      kindModule: track.kindModule,
      spec,
      version,
      digest,
      weightsPath,
      // An architecture without a light form is run by its weights.
      ...(config.agent.inference === 'light' && light !== undefined ? { light } : {}),
      ...(antibodies && { antibodies }),
      ...(heldAntibodies && { heldAntibodies }),
      scorerOptions: scorerOptionsOf(config.scoring),
      bufferPath: track.bufferPath,
      bufferSizes: config.buffer,
      dataKey,
    });
  }

  /** Once what is known to be normal has doubled, what runs is calibrated on it; and when one of its antibodies ends, without that one. */
  async #keepCalibrated(): Promise<void> {
    const { seen } = this.#parts.track.buffer.counts();
    if (this.liveVersion === undefined) return;
    if (seen < Math.max(firstCalibration, 2 * this.#calibratedOn) && !this.#judge.isOutdated) return;
    this.#calibratedOn = seen;
    await this.#judge.recalibrate();
  }

  /** Makes a loaded model the live one, between two batches of events. */
  async swap(model: ModelName): Promise<Result<undefined, ScoreFaultCode>> {
    return await this.#judge.swap(model);
  }

  /** Runs a loaded model beside the live one, or nothing. */
  async shadow(model: ModelName | undefined, observe?: ShadowObserver): Promise<Result<undefined, ScoreFaultCode>> {
    return await this.#judge.shadow(model, observe);
  }

  async drop(model: ModelName): Promise<void> {
    await this.#judge.drop(model);
  }

  /** Which of these cases a loaded model would be alarmed by; undefined where it has nothing to judge them by. */
  async assess(
    model: ModelName,
    cases: readonly unknown[],
  ): Promise<Result<readonly (boolean | undefined)[], ScoreFaultCode>> {
    return await this.#judge.assess(model, cases);
  }

  /** What operators said of alerts: intrusions that every model must find, and false positives it must not raise. */
  cases(): Readonly<{ confirmed: readonly unknown[]; falsePositives: readonly unknown[] }> {
    const { buffer } = this.#parts.track;
    return { confirmed: buffer.read(['regression']).examples, falsePositives: buffer.read(['hard']).examples };
  }

  /** Goes by what the scores of the whole cluster say. */
  follow(levels: readonly GroupLevel[]): void {
    this.#judge.follow(levels);
  }

  sketches(): readonly GroupSketch[] {
    return this.#judge.sketches();
  }

  hear(label: IntrusionLabel): void {
    this.#judge.hear(label);
  }

  /** An alert that was raised elsewhere in this cluster: kept, counted and open to feedback like one of our own. */
  async accept(alert: Alert, example: unknown): Promise<void> {
    await this.#judge.accept(alert, example);
  }

  /** Examples that are normal as far as anybody knows: what is learnt from. */
  judge(observations: readonly unknown[]): Promise<readonly unknown[]> {
    return this.#judge.judge(observations);
  }

  async close(): Promise<void> {
    this.#stopping.abort();
    await this.#listening;
    await this.#scorer.close();
  }

  /** Of every attack that was confirmed and named; for an operator to put in force. */
  async #makeAntibodies(): Promise<void> {
    const { config, track, log, timers, identity } = this.#parts;
    if (identity === undefined) return;
    const { dataDirectory } = config;
    const parts = { dataDirectory, track, alerts: this.#alerts, identity, now: timers.now };
    for (const { family, alerts, path, antibody } of await makeOwnAntibodies(parts)) {
      const { examples, features } = antibody ?? {};
      if (alerts === 0) log.info({ family }, 'antibody removed: no alert of its family that is kept stands confirmed');
      else if (antibody === undefined)
        log.warn({ family, alerts }, 'nothing tells these alerts from what is normal here');
      else log.info({ family, alerts, examples, features: features?.length, path }, 'antibody made');
    }
  }

  /** To its end whatever fails: what a disk refuses today is taken in when it refuses no more. */
  async #listen(): Promise<void> {
    const { track, log, timers } = this.#parts;
    const said = (what: string) => (error: Error) => log.error({ track: track.id, cause: error.message }, what);
    while (!this.#stopping.signal.aborted) {
      await this.#takeFeedback().catch(said('feedback waits, and could not be taken in'));
      await this.#keepCalibrated().catch(said('the live model could not be calibrated anew'));
      await pause(timers, feedbackEveryMs, this.#stopping.signal);
    }
  }

  async #takeFeedback(): Promise<void> {
    const { config, track, log, metrics } = this.#parts;
    const { id, buffer } = track;
    const words = await applyFeedback(config.dataDirectory, id, this.#alerts, buffer);
    for (const applied of words) {
      if (applied.ok) {
        metrics.feedback.inc({ track: id, verdict: applied.value.verdict });
        log.info({ track: id, ...applied.value }, 'feedback taken in');
      } else log.warn(faultFields(applied.fault), 'feedback could not be taken in');
    }
    if (!words.some(({ ok: isApplied }) => isApplied)) return;
    await this.#makeAntibodies().catch((error: Error) => {
      log.error({ track: id, cause: error.message }, 'no antibody could be made of what was confirmed');
    });
  }
}
