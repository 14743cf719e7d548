import { join } from 'node:path';
import type { Logger } from 'pino';
import type { TrackId } from '../proto/ids.ts';
import { UnsignedModels } from './agent/unsigned-models.ts';
import { RiskBoard } from './alerting/risk-board.ts';
import type { ClientConfig } from './config.ts';
import { LiveScoring } from './live-scoring.ts';
import type { LocalTrack } from './local-track.ts';
import type { ClientMetrics } from './observability/metrics.ts';
import type { IntrusionLabel } from './sources/source-item.ts';
import { ModelCache } from './uplink/model-cache.ts';
import type { UplinkReport } from './uplink/ports.ts';

export type LiveTracksParts = Readonly<{
  config: ClientConfig;
  tracks: ReadonlyMap<TrackId, LocalTrack>;
  /** Whether there is anything to score: recordings are only learnt from. */
  live: boolean;
  dataKey: Uint8Array;
  metrics: ClientMetrics;
  log: Logger;
}>;

type LiveTrack = Readonly<{ scoring: LiveScoring | undefined; models: ModelCache; unsigned: UnsignedModels }>;

/** What every track does with what happens now: models, scores, risks, alerts. */
export class LiveTracks {
  readonly risks = new RiskBoard();
  readonly #tracks: ReadonlyMap<TrackId, LiveTrack>;

  constructor(parts: LiveTracksParts) {
    this.#tracks = new Map([...parts.tracks].map(([id, track]) => [id, this.#open(parts, id, track)]));
  }

  /** Scores with the models of the last run, where there were any, and begins to listen for feedback. */
  async start(): Promise<void> {
    for (const { scoring, unsigned } of this.#tracks.values()) {
      if (scoring !== undefined) await unsigned.restore();
      unsigned.unserved();
      scoring?.start();
    }
  }

  /** A track's models by digest, each track's apart: one that moves fast must not push another's out. */
  modelsOf(track: TrackId): ModelCache {
    const found = this.#tracks.get(track);
    if (found === undefined) throw new RangeError(`this client does not run the track ${track}`);
    return found.models;
  }

  /** The base of a round was fetched. */
  offer(event: Extract<UplinkReport, { kind: 'fetched' }>): void {
    this.#tracks.get(event.track)?.unsigned.offer(event);
  }

  /** Examples that are normal as far as anybody knows. */
  async judge({ id, kind }: LocalTrack, observations: readonly unknown[]): Promise<readonly unknown[]> {
    const scoring = this.#tracks.get(id)?.scoring;
    return scoring === undefined ? observations.map((one) => kind.exampleOf(one)) : await scoring.judge(observations);
  }

  hear(label: IntrusionLabel): void {
    for (const { scoring } of this.#tracks.values()) scoring?.hear(label);
  }

  async close(): Promise<void> {
    for (const { scoring, unsigned } of this.#tracks.values()) {
      await unsigned.close();
      await scoring?.close();
    }
  }

  #open({ config, live, dataKey, metrics, log }: LiveTracksParts, id: TrackId, track: LocalTrack): LiveTrack {
    const onRisk = this.risks.hear.bind(this.risks);
    const scoring = live ? new LiveScoring({ config, track, dataKey, onRisk, metrics, log }) : undefined;
    const models = new ModelCache(join(config.dataDirectory, 'models', id));
    const unsigned = new UnsignedModels({
      dataDirectory: join(config.dataDirectory, 'installed', id),
      models,
      install: async (model) => await scoring?.install(model),
    });
    return { scoring, models, unsigned };
  }
}
