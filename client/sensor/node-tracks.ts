import { join } from 'node:path';
import { type Result, refuse } from '../../base/fault.ts';
import type { Log } from '../../base/log.ts';
import type { Timers } from '../../base/time.ts';
import type { Level, ScoreSketch } from '../../proto/generated/testudo/v1/sensors.ts';
import type { TrackId } from '../../proto/ids.ts';
import { endOfFlow, type ObservedFlow } from '../events/flow-record.ts';
import type { LocalTrack } from '../learning/local-track.ts';
import type { ClientMetrics } from '../observability/metrics.ts';
import { flowFacts } from '../rates/flow-facts.ts';
import { KeptRates } from '../rates/kept-rates.ts';
import { defaultRates, valuesOfWorkloadMax, WorkloadRates } from '../rates/workload-rates.ts';
import type { HostFaultCode, ModelHost } from '../releases/hosts/model-host.ts';
import { ScoringHost } from '../releases/hosts/scoring-host.ts';
import type { Alert } from '../scoring/alert.ts';
import { type HeldModel, LiveScoring, type ScoringSettings } from '../scoring/live-scoring.ts';
import type { ModelName } from '../scoring/score-protocol.ts';
import { scoringHere } from '../scoring/scoring-thread.ts';

export type NodeTracksParts = Readonly<{
  settings: ScoringSettings;
  tracks: ReadonlyMap<TrackId, LocalTrack>;
  dataKey: Uint8Array;
  /** Takes an alert in; false for one that was raised before. */
  raise(track: LocalTrack, alert: Alert, example: unknown): Promise<boolean>;
  metrics: ClientMetrics;
  log: Log;
  timers: Timers;
}>;

/** Scoring on one node: the same judge as a client's, with light forms alone; its alerts go where they are told. */
export class NodeTracks {
  readonly #scoring: ReadonlyMap<TrackId, LiveScoring>;
  /** A node's workloads are few: what it counts of them stays small. */
  readonly #rates = new WorkloadRates({ ...defaultRates, seriesMax: 512 });
  readonly #parts: NodeTracksParts;
  #keptRates: KeptRates | undefined;

  constructor(parts: NodeTracksParts) {
    const { settings, tracks, dataKey, raise, metrics, log, timers } = parts;
    this.#parts = parts;
    this.#scoring = new Map(
      [...tracks].map(([id, track]) => {
        const alerts = { raise: (alert: Alert, example: unknown) => raise(track, alert, example) };
        const onRisk = () => undefined;
        return [
          id,
          new LiveScoring({
            config: settings,
            track,
            dataKey,
            link: scoringHere(),
            alerts,
            rates: settings.scoring.rates ? this.#rates : undefined,
            onRisk,
            metrics,
            log,
            timers,
          }),
        ];
      }),
    );
  }

  count(flow: ObservedFlow): void {
    this.#rates.hear(flowFacts(flow), this.#rates.timeOf(endOfFlow(flow), this.#parts.timers.now()));
  }

  async start(): Promise<void> {
    const { settings, dataKey, log, timers } = this.#parts;
    if (settings.scoring.rates) {
      const path = join(settings.dataDirectory, 'rates.sealed');
      const valuesMax = valuesOfWorkloadMax; // The busiest workload is kept, whatever it does.
      this.#keptRates = await KeptRates.open({ path, dataKey, rates: this.#rates, valuesMax, log, timers });
    }
    for (const scoring of this.#scoring.values()) scoring.start();
  }

  hosts(): ReadonlyMap<TrackId, ModelHost> {
    return new Map([...this.#scoring].map(([id, scoring]) => [id, new LightHost(scoring)]));
  }

  /** Examples that are normal as far as anybody knows. */
  async judge({ id, kind }: LocalTrack, observations: readonly unknown[]): Promise<readonly unknown[]> {
    const scoring = this.#scoring.get(id);
    return scoring === undefined ? observations.map((one) => kind.exampleOf(one)) : await scoring.judge(observations);
  }

  follow(levels: readonly Level[]): void {
    for (const [id, scoring] of this.#scoring) scoring.follow(levels.filter(({ track }) => track === id));
  }

  sketches(): readonly ScoreSketch[] {
    const all = [...this.#scoring].flatMap(([track, scoring]) =>
      scoring.sketches().map((sketch) => ({ track, ...sketch })),
    );
    return all.filter(({ group }) => group.length <= 256).slice(0, sketchesMax);
  }

  async close(): Promise<void> {
    for (const scoring of this.#scoring.values()) await scoring.close();
    await this.#keptRates?.close();
  }
}

const sketchesMax = 512;

/** Runs light forms and nothing else: a sensor has no TensorFlow to run weights with. */
class LightHost extends ScoringHost {
  constructor(scoring: LiveScoring) {
    super(scoring, new Map());
  }

  override async load(model: HeldModel): Promise<Result<ModelName, HostFaultCode>> {
    if (model.light !== undefined) return await super.load(model);
    const { architecture } = model.spec;
    return refuse(
      'MODEL_UNUSABLE',
      `version ${model.version} (${architecture}) has no light form; sensors run no other`,
    );
  }
}
