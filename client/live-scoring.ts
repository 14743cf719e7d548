import type { Logger } from 'pino';
import type { TrackId } from '../proto/ids.ts';
import { AlertStore, alertFolder } from './alerting/alert-store.ts';
import { type InstalledModel, rememberedModel, rememberModel } from './alerting/installed-model.ts';
import { Judge } from './alerting/judge.ts';
import { Scorer } from './alerting/scorer.ts';
import { defaultWindowMax } from './alerting/threshold.ts';
import { alertPath, bufferPath, type ClientConfig } from './config.ts';
import { applyFeedback } from './feedback/feedback.ts';
import { faultFields } from './observability/log.ts';
import type { ClientMetrics } from './observability/metrics.ts';
import type { IntrusionLabel } from './sources/source-item.ts';
import type { AssembledTrace } from './sources/trace-assembler.ts';
import { recordKey } from './storage/sealed-record.ts';
import type { ExampleBuffer } from './training/example-buffer.ts';
import type { ModelCache } from './uplink/model-cache.ts';
import { pause } from './uplink/pause.ts';

export type LiveScoringParts = Readonly<{
  config: ClientConfig;
  track: TrackId;
  dataKey: Uint8Array;
  buffer: ExampleBuffer;
  models: ModelCache;
  seenCalls: ReadonlyMap<string, ReadonlySet<number>>;
  metrics: ClientMetrics;
  log: Logger;
}>;

const feedbackEveryMs = 1_000;

/** Everything between a live trace and an alert, and back from an operator's word to the buffer. */
export class LiveScoring {
  readonly #parts: LiveScoringParts;
  readonly #scorer = new Scorer();
  readonly #alerts: AlertStore;
  readonly #judge: Judge;
  readonly #stopping = new AbortController();
  #installing: Promise<void> = Promise.resolve();
  #listening: Promise<void> = Promise.resolve();

  constructor(parts: LiveScoringParts) {
    this.#parts = parts;
    const { config, dataKey, metrics, log, track, seenCalls } = parts;
    const { dataDirectory, scoring } = config;
    this.#alerts = new AlertStore(alertFolder(dataDirectory), alertPath(config), recordKey(dataKey, 'alerts'));
    this.#judge = new Judge({
      track,
      scorer: this.#scorer,
      alerts: this.#alerts,
      threshold: {
        rule:
          scoring.deviations === null
            ? { kind: 'quantile', alertRate: scoring.alertRate }
            : { kind: 'deviation', k: scoring.deviations },
        warmUp: scoring.warmUp,
        windowMax: Math.max(defaultWindowMax, 2 * scoring.warmUp),
      },
      seenCalls,
      metrics,
      log,
    });
  }

  /** Scores with the model of the last run, if there was one, and begins to listen for feedback. */
  async start(): Promise<void> {
    const { dataDirectory } = this.#parts.config;
    const remembered = await rememberedModel(dataDirectory);
    if (remembered !== undefined) await this.#install(remembered);
    this.#listening = this.#listen();
  }

  /** Another global model was fetched and verified. */
  install(model: InstalledModel): void {
    this.#installing = this.#installing.then(async () => {
      await rememberModel(this.#parts.config.dataDirectory, model);
      await this.#install(model);
    });
  }

  hear(label: IntrusionLabel): void {
    this.#judge.hear(label);
  }

  judge(traces: readonly AssembledTrace[]): Promise<readonly AssembledTrace[]> {
    return this.#judge.judge(traces);
  }

  async close(): Promise<void> {
    this.#stopping.abort();
    await this.#listening;
    await this.#installing;
    await this.#scorer.close();
  }

  async #install({ version, digest, spec }: InstalledModel): Promise<void> {
    const { config, models, dataKey } = this.#parts;
    await this.#judge.install({
      spec,
      version,
      weightsPath: models.path(digest),
      bufferPath: bufferPath(config),
      bufferSizes: config.buffer,
      dataKey,
    });
  }

  async #listen(): Promise<void> {
    const { config, buffer, log, metrics } = this.#parts;
    while (!this.#stopping.signal.aborted) {
      for (const applied of await applyFeedback(config.dataDirectory, this.#alerts, buffer)) {
        if (applied.ok) {
          metrics.feedback.inc({ verdict: applied.value.verdict });
          log.info(applied.value, 'feedback taken in');
        } else log.warn(faultFields(applied.fault), 'feedback could not be taken in');
      }
      await pause(feedbackEveryMs, this.#stopping.signal);
    }
  }
}
