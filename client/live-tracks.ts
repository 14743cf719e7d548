import { join } from 'node:path';
import { Delivery } from '../base/delivery/delivery.ts';
import { ok, type Result, refuse } from '../base/fault.ts';
import { faultFields, type Log } from '../base/log.ts';
import type { Timers } from '../base/time.ts';
import type { TrackId } from '../proto/ids.ts';
import { AlertCounts } from './alerts/alert-counts.ts';
import type { AlertNews, SensorCounts } from './alerts/alert-teller.ts';
import { alertWording } from './alerts/wording.ts';
import type { ClientConfig } from './config.ts';
import { endOfFlow, type ObservedFlow } from './events/flow-record.ts';
import type { IntrusionLabel } from './events/source-item.ts';
import type { LocalTrack } from './learning/local-track.ts';
import type { ClientMetrics } from './observability/metrics.ts';
import { flowFacts } from './rates/flow-facts.ts';
import { KeptRates } from './rates/kept-rates.ts';
import { defaultRates, WorkloadRates } from './rates/workload-rates.ts';
import type { ModelHost } from './releases/hosts/model-host.ts';
import { ScoringHost } from './releases/hosts/scoring-host.ts';
import { StoredModels } from './releases/hosts/stored-models.ts';
import { UnsignedModels } from './releases/unsigned-models.ts';
import { ModelCache } from './rounds/model-cache.ts';
import type { UplinkReport } from './rounds/ports.ts';
import type { Alert } from './scoring/alert.ts';
import type { OwnAntibodiesParts } from './scoring/confirmed/own-antibodies.ts';
import { LiveScoring } from './scoring/live-scoring.ts';
import { RiskBoard } from './scoring/risk-board.ts';
import type { TrackKind, Watched } from './tracks/track-kind.ts';

export type LiveTracksParts = Readonly<{
  config: ClientConfig;
  tracks: ReadonlyMap<TrackId, LocalTrack>;
  /** Whether there is anything to score: recordings are only learnt from. */
  live: boolean;
  dataKey: Uint8Array;
  metrics: ClientMetrics;
  /** Who this cluster is; undefined before it has enrolled. */
  identity: OwnAntibodiesParts['identity'];
  log: Log;
  timers: Timers;
}>;

type LiveTrack = Readonly<{ scoring: LiveScoring | undefined; models: ModelCache; unsigned: UnsignedModels }>;

/** What every track does with what happens now: models, scores, risks, alerts. */
export class LiveTracks {
  readonly risks: RiskBoard;
  /** What is counted of workloads by the minute, by all tracks together; undefined where the operator wants none. */
  readonly rates: WorkloadRates | undefined;
  readonly #tracks: ReadonlyMap<TrackId, LiveTrack>;
  readonly #parts: LiveTracksParts;
  readonly #counts = new AlertCounts();
  /** Hears each alert once it is in its file. */
  onAlert: (alert: Alert) => void = () => {};
  /** How the sensors are that this client is the hub of; undefined where it is none. */
  sensors: SensorCounts | undefined;
  #delivery: Delivery<Alert> | undefined;
  #keptRates: KeptRates | undefined;

  constructor(parts: LiveTracksParts) {
    this.#parts = parts;
    this.risks = new RiskBoard(parts.timers.monotonicMs);
    this.rates = parts.config.scoring.rates ? new WorkloadRates(defaultRates) : undefined;
    this.#tracks = new Map([...parts.tracks].map(([id, track]) => [id, this.#open(parts, id, track)]));
  }

  /**
   * Begins to listen for feedback, and where no release `scores` yet, goes on with the unsigned model of the last run:
   * detectors never go dark.
   */
  async start(scores: (track: TrackId) => boolean): Promise<void> {
    const { config, dataKey, identity, metrics, log, timers } = this.#parts;
    if (this.rates !== undefined) {
      const path = join(config.dataDirectory, 'rates.sealed');
      this.#keptRates = await KeptRates.open({ path, dataKey, rates: this.rates, valuesMax: 500_000, log, timers });
    }
    const sender = () => identity() ?? { federation: '', cluster: '' };
    const { alerts, dataDirectory } = config;
    this.#delivery = Delivery.open({
      ...{ config: alerts, dataDirectory, wording: alertWording, sender, log, timers },
      attempted: (sink, outcome) => metrics.alertDeliveries.inc({ sink, outcome }),
    });
    for (const [id, { scoring, unsigned }] of this.#tracks) {
      if (scoring !== undefined && !scores(id)) await unsigned.restore();
      scoring?.start();
    }
  }

  /** Where each track's releases run. */
  async hosts(): Promise<ReadonlyMap<TrackId, ModelHost>> {
    const { config, log } = this.#parts;
    const hosts = new Map<TrackId, ModelHost>();
    for (const [id, { scoring }] of this.#tracks) {
      const kind = this.#parts.tracks.get(id)?.kind;
      const attacks = await attackSetOf(kind, config.agent.attackSets[id]);
      if (!attacks.ok) log.error({ ...faultFields(attacks.fault), track: id }, 'the canary attack set is left out');
      const cases = attacks.ok ? attacks.value : new Map<string, readonly unknown[]>();
      hosts.set(id, scoring === undefined ? new StoredModels() : new ScoringHost(scoring, cases));
    }
    return hosts;
  }

  /** The coordinator serves no releases: bases of rounds score, as long as no signed metadata was ever trusted. */
  unserved(): void {
    for (const { unsigned } of this.#tracks.values()) unsigned.unserved();
  }

  /** Signed metadata is trusted: nothing else is installed any more. */
  superseded(): void {
    for (const { unsigned } of this.#tracks.values()) unsigned.superseded();
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

  /** Takes an alert in that a sensor of this cluster raised. */
  async accept(track: TrackId, alert: Alert, example: unknown): Promise<void> {
    await this.#tracks.get(track)?.scoring?.accept(alert, example);
  }

  /** The highest risk of a workload among the tracks that watch this; undefined where none has one. */
  riskOf(watched: Watched, namespace: string, workload: string): number | undefined {
    const watching = [...this.#parts.tracks.values()].filter(({ kind }) => kind.watches === watched);
    const risks = watching.flatMap(({ id }) => this.risks.of(id, namespace, workload) ?? []);
    return risks.length === 0 ? undefined : Math.max(...risks);
  }

  /** What each track's live model says of its calibration here, where it says anything. */
  remarks(): ReadonlyMap<TrackId, readonly string[]> {
    const all = [...this.#tracks].map(([id, { scoring }]) => [id, scoring?.remarks ?? []] as const);
    return new Map(all.filter(([, remarks]) => remarks.length > 0));
  }

  /** A flow that was seen just now, whoever tells of it. */
  count(flow: ObservedFlow): void {
    const nowMs = this.#parts.timers.now();
    this.rates?.hear(flowFacts(flow), this.rates.timeOf(endOfFlow(flow), nowMs));
  }

  hear(label: IntrusionLabel): void {
    for (const { scoring } of this.#tracks.values()) scoring?.hear(label);
  }

  /** How many alerts there were, and how sensors are, for the coordinator. */
  get alerts(): AlertNews {
    const { now } = this.#parts.timers;
    return {
      news: () => this.#counts.revision,
      recent: () => this.#counts.recent(now()),
      sensors: () => this.sensors,
    };
  }

  async close(): Promise<void> {
    for (const { scoring, unsigned } of this.#tracks.values()) {
      await unsigned.close();
      await scoring?.close();
    }
    await this.#keptRates?.close();
    await this.#delivery?.close();
  }

  #hearAlert(alert: Alert): void {
    this.#counts.add(alert, this.#parts.timers.now());
    this.#delivery?.take(alert);
    this.onAlert(alert);
  }

  #open(
    { config, live, dataKey, identity, metrics, log, timers }: LiveTracksParts,
    id: TrackId,
    track: LocalTrack,
  ): LiveTrack {
    const onRisk = this.risks.hear.bind(this.risks);
    const scoring = live
      ? new LiveScoring({
          ...{ config, track, dataKey, rates: this.rates, identity, onRisk, metrics, log, timers },
          onAlert: (alert) => this.#hearAlert(alert),
        })
      : undefined;
    const models = new ModelCache(join(config.dataDirectory, 'models', id));
    const unsigned = new UnsignedModels({
      dataDirectory: join(config.dataDirectory, 'installed', id),
      models,
      install: async (model, isWanted) => await scoring?.install(model, isWanted),
      trouble: (cause) => log.warn({ track: id, cause }, 'the model that scores is not remembered'),
    });
    return { scoring, models, unsigned };
  }
}

async function attackSetOf(
  kind: TrackKind | undefined,
  path: string | undefined,
): Promise<Result<ReadonlyMap<string, readonly unknown[]>, 'ATTACK_SET_UNREADABLE'>> {
  if (path === undefined) return ok(new Map());
  if (kind?.readCases === undefined) return refuse('ATTACK_SET_UNREADABLE', `${path}: this track takes no attack set`);
  return await kind.readCases(path);
}
