import { join } from 'node:path';
import { sweepLeftovers } from '../base/atomic-file.ts';
import { ok, type Result } from '../base/fault.ts';
import { type FolderLock, lockFolder } from '../base/folder-lock.ts';
import { faultFields, type Log, makeLog } from '../base/log.ts';
import { type HttpServer, servePages } from '../base/serving/http-server.ts';
import { systemTimers } from '../base/system-timers.ts';
import type { Timer, Timers } from '../base/time.ts';
import type { DeliverResponse, SensorStatus } from '../proto/generated/testudo/v1/sensors.ts';
import type { TrackId } from '../proto/ids.ts';
import { Ingest } from './ingest.ts';
import { type LocalTrack, openTracks } from './learning/local-track.ts';
import { healthPages, type Readiness } from './observability/health-pages.ts';
import { type ClientMetrics, createMetrics } from './observability/metrics.ts';
import { openPods } from './open-pods.ts';
import { type AgentEvent, defaultAgentTimes } from './releases/agent-ports.ts';
import { connectToHub } from './releases/grpc/connect-to-hub.ts';
import { ReleaseAgent } from './releases/release-agent.ts';
import { agentReporter } from './releases/release-reporter.ts';
import { readTrustAnchor } from './releases/trust-anchor.ts';
import { type BudgetState, startingBudget, stepOnReading } from './sensor/budget.ts';
import { CostMeter } from './sensor/cost-meter.ts';
import { Courier } from './sensor/courier.ts';
import { Gate } from './sensor/gate.ts';
import { HubLink, hubStallMs } from './sensor/hub-link.ts';
import { NodeTracks } from './sensor/node-tracks.ts';
import { sensorMetrics } from './sensor/sensor-metrics.ts';
import { Spool } from './sensor/spool.ts';
import { Teller } from './sensor/teller.ts';
import type { SensorConfig } from './sensor-config.ts';
import { loadDataKey } from './storage/data-key.ts';
import { recordKey } from './storage/sealed-record.ts';

/** For programs that run a sensor inside themselves. */
export type SensorHooks = Readonly<{
  log?: Log;
  /** Default: the system's. */
  timers?: Timers;
  onAgentEvent?: (event: AgentEvent) => void;
}>;

/** How often it is looked at what this costs. */
const budgetMs = 1_000;
/** A trace that is whole is judged within this time. */
const handOnMs = 50;
/** How long a sensor that is stopped goes on telling what waits. */
const drainMs = 2_000;
/** A node's own normal examples: what its models are calibrated on. */
const bufferSizes = { recent: 1_024, reservoir: 1_024, hard: 1, regression: 1 };
const noAccounting = { epsilonMax: null, delta: 1e-6, noiseMultiplierMin: 0 };

/** A node's sensor. Resolves when everything local is in place; the hub is found meanwhile. `close()` may be called twice. */
export async function startSensor(config: SensorConfig, hooks: SensorHooks = {}): Promise<Result<RunningSensor>> {
  const log = hooks.log ?? makeLog(config.log.level, { fields: { component: 'sensor' }, to: 'standard output' });
  const timers = hooks.timers ?? systemTimers;
  const { dataDirectory } = config;
  const locked = lockFolder(dataDirectory);
  if (!locked.ok) return locked;
  const opened = await openParts(config, timers);
  if (!opened.ok) {
    locked.value.release();
    return opened;
  }
  const sensor = new RunningSensor(config, { hooks, log, timers, lock: locked.value, ...opened.value });
  await sensor.start(opened.value.anchor);
  return ok(sensor);
}

async function openParts(config: SensorConfig, timers: Timers) {
  const { dataDirectory } = config;
  const anchor = await readTrustAnchor('agent.trustAnchor', config.agent.trustAnchor);
  if (!anchor.ok) return anchor;
  const dataKey = await loadDataKey(config.dataKey, dataDirectory);
  if (!dataKey.ok) return dataKey;
  await sweepLeftovers(dataDirectory);
  const settings = { ...config, baselines: [], buffer: bufferSizes, privacy: noAccounting };
  const tracks = await openTracks(settings, dataKey.value, timers.now());
  if (!tracks.ok) return tracks;
  const spool = await Spool.open(join(dataDirectory, 'spool'), recordKey(dataKey.value, 'spool'), {
    bytesMax: config.spool.mebibytesMax * 2 ** 20,
    now: timers.now,
  });
  return ok({ anchor: anchor.value, dataKey: dataKey.value, tracks: tracks.value, spool });
}

type SensorParts = Readonly<{
  hooks: SensorHooks;
  log: Log;
  timers: Timers;
  lock: FolderLock;
  dataKey: Buffer;
  tracks: ReadonlyMap<TrackId, LocalTrack>;
  spool: Spool;
}>;

export class RunningSensor {
  readonly metrics: ClientMetrics = createMetrics();
  readonly #config: SensorConfig;
  readonly #parts: SensorParts;
  readonly #own: ReturnType<typeof sensorMetrics>;
  readonly #gate = new Gate();
  readonly #teller: Teller;
  readonly #live: NodeTracks;
  readonly #ingest: Ingest;
  readonly #link: HubLink;
  readonly #courier: Courier;
  #agent: ReleaseAgent | undefined;
  #pods: Awaited<ReturnType<typeof openPods>>;
  #health: HttpServer | undefined;
  #budget: BudgetState = startingBudget;
  readonly #cost: CostMeter;
  #isFollowing = false;
  #beats: readonly Timer[] = [];
  #closing: Promise<void> | undefined;

  constructor(config: SensorConfig, parts: SensorParts) {
    const { log, timers, tracks, dataKey, spool } = parts;
    const { metrics } = this;
    this.#config = config;
    this.#parts = parts;
    this.#cost = new CostMeter(timers.monotonicMs);
    this.#live = new NodeTracks({
      settings: { ...config, buffer: bufferSizes, agent: { inference: 'light' } },
      tracks,
      dataKey,
      raise: async (track, alert, example) => {
        await this.#teller.raise(track, alert, example);
        return true;
      },
      metrics,
      log,
      timers,
    });
    this.#ingest = new Ingest({
      config,
      tracks,
      metrics,
      log,
      timers,
      judge: (track, observations) => this.#judge(track, observations),
      riskOf: () => undefined,
      exposedBy: (namespace, workload) => this.#pods?.exposedBy(namespace, workload),
      salt: recordKey(dataKey, 'subjects').bytes,
      onLabel: () => undefined,
      onFlow: (flow) => this.#live.count(flow),
      through: (items) => {
        const named = this.#pods?.enrich(items) ?? items;
        this.#teller.hear(named);
        return this.#gate.through(named);
      },
      handOnMs,
    });
    this.#teller = new Teller({ spool, wake: () => this.#courier.wake(), log, timers });
    this.#link = new HubLink({ ...config.hub, node: config.node }, timers);
    this.#courier = new Courier({
      spool,
      deliver: (request, signal) => this.#link.deliver(request, signal),
      distrusted: () => this.#link.distrusted(),
      status: () => this.status(),
      sketches: () => this.#live.sketches(),
      onAnswer: (answer) => this.#heed(answer),
      onDelivered: (bytes) => this.#own.sentBytes.inc(bytes),
      onFailed: (fault, retryInMs) => log.warn({ ...faultFields(fault), retryInMs }, 'the hub cannot be told for now'),
      onRefused: (fault, record) => {
        this.#own.refusals.inc({ class: record.class });
        log.error(
          { ...faultFields(fault), class: record.class },
          'the hub will never take this record: it is given up',
        );
      },
      retryMsMax: config.hub.reconnectSecondsMax * 1_000,
      timers,
      unit: Math.random,
    });
    this.#own = sensorMetrics(metrics.registry, {
      gate: this.#gate,
      spool,
      step: () => this.#budget.step,
      connected: () => this.#courier.connected,
      cores: () => this.#cost.latest.cores,
    });
  }

  /** The health server's port; undefined when it is off. */
  get healthPort(): number | undefined {
    return this.#health?.port;
  }

  /** What decides which models score; undefined before `start`. */
  get agent(): ReleaseAgent | undefined {
    return this.#agent;
  }

  async start(trustAnchor: Uint8Array | undefined): Promise<void> {
    const { log, timers, hooks } = this.#parts;
    const { dataDirectory, health, hub, agent: settings, node } = this.#config;
    if (health.listen !== null) {
      const score = () => ({ ...this.#agent?.view(), status: statusForPeople(this.status()) });
      const pages = healthPages(this.metrics.registry, () => this.readiness(), score);
      this.#health = await servePages(health.listen, pages);
    }
    const report = agentReporter(log, this.metrics);
    const reconnect = { firstMs: 500, maxMs: hub.reconnectSecondsMax * 1_000 };
    this.#agent = await ReleaseAgent.open(
      {
        folder: join(dataDirectory, 'agent'),
        addresses: [hub.address],
        connect: connectToHub,
        hosts: this.#live.hosts(),
        keepReleases: settings.keepReleases,
        trustAnchor,
        labels: undefined,
        lightAlone: true,
        times: { ...defaultAgentTimes, reconnect, retry: { firstMs: 500, maxMs: 60_000 }, stallMs: hubStallMs },
      },
      {
        report: (event) => {
          report(event);
          hooks.onAgentEvent?.(event);
        },
        unit: Math.random,
        timers,
      },
    );
    await this.#agent.restore();
    await this.#live.start();
    this.#pods = await openPods(this.#config.kubernetes, { metrics: this.metrics, log, timers, node });
    this.#ingest.start();
    this.#teller.start();
    this.#courier.start();
    this.#beats = [timers.every(budgetMs, () => this.#weigh(), { background: true })];
    log.info(
      { healthPort: this.healthPort, node, dataDirectory, tracks: [...this.#parts.tracks.keys()] },
      'sensor started',
    );
  }

  status(): SensorStatus {
    const { bytes, ordinaryDropped, alertsDropped } = this.#parts.spool.counts();
    return {
      step: this.#budget.step,
      cores: this.#cost.latest.cores,
      rssBytes: BigInt(process.memoryUsage.rss()),
      calls: BigInt(this.#gate.calls),
      unseenCalls: BigInt(this.#gate.unseen),
      lostEvents: BigInt(this.#gate.lost + this.#teller.lostFlows),
      spoolDropped: BigInt(ordinaryDropped + alertsDropped),
      spoolBytes: BigInt(bytes),
      blind: this.#ingest.blind.slice(0, 64).map(({ source, state }) => `${source}: ${state}`.slice(0, 256)),
    };
  }

  /** Neither a hub that is away nor a step below `full` is a reason to be restarted. */
  readiness(): Readiness {
    const degraded = this.#ingest.blind;
    const { step, because } = this.#budget;
    const { bytes, ordinaryDropped, alertsDropped } = this.#parts.spool.counts();
    const checks = {
      sources: degraded.length === 0,
      connected: this.#courier.connected,
      step,
      unseenCalls: this.#gate.unseen,
      spoolBytes: bytes,
      spoolDropped: ordinaryDropped + alertsDropped,
    };
    const why = degraded.map(({ source, state, message }) => `${source}: ${state}: ${message}`);
    if (step !== 'full') why.push(`looks at ${step} calls alone: over its budget of ${because}`);
    if (!this.#courier.connected) why.push('the hub is away: alerts wait in the spool');
    return { ready: checks.sources, checks, why, degraded };
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const { timers, tracks, dataKey, lock, spool, log } = this.#parts;
    for (const timer of this.#beats) timers.cancel(timer);
    await Promise.all([this.#ingest.close(), this.#pods?.close()]);
    await this.#teller.close();
    await spool.settled();
    await this.#courier.close(drainMs);
    await this.#agent?.close();
    await this.#live.close();
    this.#link.close();
    await this.#health?.close();
    for (const { buffer } of tracks.values()) buffer.close();
    dataKey.fill(0);
    lock.release();
    log.info('sensor closed');
  }

  /** Examples that are new here: those that the node's own models are calibrated on. */
  async #judge(track: LocalTrack, observations: readonly unknown[]): Promise<readonly unknown[]> {
    const normal = await this.#live.judge(track, observations);
    return normal.filter((example) => this.#teller.note(track, example));
  }

  #heed(answer: DeliverResponse): void {
    this.#teller.heed(answer);
    if (answer.levels !== undefined) this.#live.follow(answer.levels.levels);
    if (this.#isFollowing) return;
    this.#isFollowing = true;
    this.#agent?.connect(() => {
      const { identity } = this.#link;
      if (identity === undefined) throw new Error('the hub has answered, so it has admitted this sensor');
      return identity;
    });
  }

  #weigh(): void {
    const { coresMax, rssMiBMax, loadMax } = this.#config.budget;
    const reading = this.#cost.read();
    const before = this.#budget.step;
    this.#budget = stepOnReading(this.#budget, reading, { coresMax, rssBytesMax: rssMiBMax * 2 ** 20, loadMax });
    const { step, because } = this.#budget;
    if (step === before) return;
    this.#gate.step = step;
    this.#parts.log.warn({ step, before, because, ...reading }, 'the sensor looks at more or less than before');
  }
}

function statusForPeople(status: SensorStatus): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(status).map(([name, value]) => [name, typeof value === 'bigint' ? Number(value) : value]),
  );
}
