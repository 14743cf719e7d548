import { join } from 'node:path';
import { type Backoff, fullJitterMs } from '../base/backoff.ts';
import { buildVersion } from '../base/build-version.ts';
import { type Fault, ok, type Result } from '../base/fault.ts';
import { type FolderLock, lockFolder } from '../base/folder-lock.ts';
import { faultFields, type Log } from '../base/log.ts';
import { pause } from '../base/pause.ts';
import { type HttpServer, servePages } from '../base/serving/http-server.ts';
import type { Timers } from '../base/time.ts';
import type { ClusterIdentity } from '../client/link/identity-store.ts';
import { becomeMember, keepIdentity, openComingBack } from '../client/link/membership.ts';
import { healthPages, type Readiness } from '../client/observability/health-pages.ts';
import { type ClientMetrics, createMetrics } from '../client/observability/metrics.ts';
import { standingOf } from '../client/observability/standing.ts';
import { type AgentConfig, type AgentEvent, defaultAgentTimes } from '../client/releases/agent-ports.ts';
import { connectOverGrpc as connectToReleases } from '../client/releases/grpc/connect.ts';
import type { ModelHost } from '../client/releases/hosts/model-host.ts';
import { ReleaseAgent } from '../client/releases/release-agent.ts';
import { agentReporter } from '../client/releases/release-reporter.ts';
import { readTrustAnchor } from '../client/releases/trust-anchor.ts';
import { connectOverGrpc as connectToRounds } from '../client/rounds/grpc/connect.ts';
import { ModelCache } from '../client/rounds/model-cache.ts';
import { Outbox } from '../client/rounds/outbox.ts';
import { Uplink } from '../client/rounds/participant.ts';
import { defaultUplinkTimes, type UplinkConfig } from '../client/rounds/participant-config.ts';
import type { UplinkPorts, UplinkReport } from '../client/rounds/ports.ts';
import { reporter } from '../client/rounds/round-reporter.ts';
import { loadDataKey } from '../client/storage/data-key.ts';
import { EnvelopeWorker } from '../proto/envelope/files/envelope-worker.ts';
import type { Digest, TrackId } from '../proto/ids.ts';
import type { RelayConfig } from './config.ts';
import type { Region } from './region.ts';
import { RegionHost, type RegionHostParts } from './releases/region-host.ts';
import { type HeldRoundReport, heldRounds } from './rounds/held-round.ts';

export type ParentParts = Readonly<{
  config: RelayConfig;
  region: Region;
  registry: RegionHostParts['registry'];
  log: Log;
  timers: Timers;
  onReport?: ((report: UplinkReport | HeldRoundReport) => void) | undefined;
  onAgentEvent?: ((event: AgentEvent) => void) | undefined;
  /** In place of gRPC, and of enrolment by a token: tests bring their own. */
  reached?: Readonly<{
    identity: ClusterIdentity;
    toRounds: UplinkConfig['connect'];
    toReleases: AgentConfig['connect'];
  }>;
}>;

const build = `testudo-relay/${buildVersion()}`;

/** A token that was refused, or that was not whole yet, is read again: as soon as that, and at least so often. */
const joinRetries: Backoff = { firstMs: 5_000, maxMs: 600_000 };

/** The region as a member of its parent: one client's identity, one outbox, one release agent. */
export class Parent {
  readonly #parts: ParentParts;
  readonly #lock: FolderLock;
  readonly #dataKey: Buffer;
  readonly #envelope = new EnvelopeWorker();
  readonly #stopping: AbortController;
  readonly #agent: ReleaseAgent;
  readonly #metrics: ClientMetrics;
  #identity: ClusterIdentity | undefined;
  #notEnrolled: Fault | undefined;
  #health: HttpServer | undefined;
  #uplink: Uplink | undefined;
  #joining: Promise<void> = Promise.resolve();
  #closing: Promise<void> | undefined;

  private constructor(
    parts: ParentParts,
    lock: FolderLock,
    dataKey: Buffer,
    agent: ReleaseAgent,
    metrics: ClientMetrics,
    stop: AbortController,
  ) {
    this.#parts = parts;
    this.#lock = lock;
    this.#dataKey = dataKey;
    this.#agent = agent;
    this.#metrics = metrics;
    this.#stopping = stop;
  }

  /** Resolves once everything local is in place; enrolment and connection go on by themselves. */
  static async open(parts: ParentParts): Promise<Result<Parent>> {
    const { config } = parts;
    const lock = lockFolder(config.dataDirectory);
    if (!lock.ok) return lock;
    const anchor = await readTrustAnchor('trustAnchor', config.trustAnchor);
    if (!anchor.ok) {
      lock.value.release();
      return anchor;
    }
    const dataKey = await loadDataKey(config.dataKey, config.dataDirectory);
    if (!dataKey.ok) {
      lock.value.release();
      return dataKey;
    }
    const stop = new AbortController();
    const metrics = createMetrics();
    const agent = await openAgent(parts, { trustAnchor: anchor.value, metrics, signal: stop.signal }).catch(
      (error: unknown) => {
        dataKey.value.fill(0);
        lock.value.release();
        throw error;
      },
    );
    const parent = new Parent(parts, lock.value, dataKey.value, agent, metrics, stop);
    try {
      await parent.#serveHealth();
    } catch (error) {
      await parent.close();
      throw error;
    }
    parent.#joining = parent.#join();
    return ok(parent);
  }

  /** What the region does in the parent's rounds of a track; undefined until it is a member. */
  get uplink(): Uplink | undefined {
    return this.#uplink;
  }

  /** The health server's port; undefined when it is off. */
  get healthPort(): number | undefined {
    return this.#health?.port;
  }

  get agent(): ReleaseAgent {
    return this.#agent;
  }

  /** Lets go of the parent. The region's round, if one runs, stays for the next run to go on with. May be called twice. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#stopping.abort();
    await this.#joining;
    await this.#health?.close();
    await this.#agent.close();
    await this.#uplink?.close();
    await this.#envelope.close();
    this.#dataKey.fill(0);
    this.#lock.release();
  }

  async #serveHealth(): Promise<void> {
    const { listen } = this.#parts.config.health;
    if (listen === null) return;
    const pages = healthPages(
      this.#metrics.registry,
      () => this.readiness(),
      () => this.#agent.view(),
    );
    this.#health = await servePages(listen, pages);
    this.#parts.log.info({ healthPort: this.healthPort }, 'health and metrics of the side to the parent');
  }

  /** Not being connected is no reason to be restarted: the region goes on by itself. */
  readiness(): Readiness {
    const { config, timers } = this.#parts;
    const silenceMsMax = config.parent.silenceSecondsMax * 1_000;
    const before = { isEnrolled: this.#identity !== undefined, failed: this.#notEnrolled };
    const standing = standingOf(this.#uplink, before, silenceMsMax, timers.now());
    const { certificate, connected, why } = standing;
    const enrolled = this.#identity !== undefined;
    return {
      ready: enrolled && certificate !== 'ended',
      checks: { enrolled, certificate, connected },
      why,
      degraded: [],
    };
  }

  async #join(): Promise<void> {
    const { config, log, timers, reached } = this.#parts;
    const settings = { ...config, coordinator: config.parent };
    const back = openComingBack(settings, this.#dataKey, timers);
    const { signal } = this.#stopping;
    const failed = (fault: Fault) => {
      this.#notEnrolled = fault;
    };
    const become = () =>
      reached === undefined
        ? becomeMember(settings, this.#dataKey, log, signal, timers, back, failed)
        : ok(reached.identity);
    let known = await become();
    // The region goes on by itself: its clusters lose nothing but the parent's rounds. Nobody restarts it for a new token.
    for (let attempt = 0; !known.ok && !signal.aborted; attempt += 1) {
      failed(known.fault);
      const retryInMs = fullJitterMs(joinRetries, attempt, Math.random());
      log.error({ ...faultFields(known.fault), retryInMs }, 'the region is no member of its parent');
      await pause(timers, retryInMs, signal);
      if (!signal.aborted) known = await become();
    }
    if (!known.ok || signal.aborted) return;
    const joined = known.value;
    this.#identity = joined;
    const { cluster, federation } = joined;
    log.info({ cluster, federation }, 'the region is a member of its parent');
    const ports: UplinkPorts = {
      train: this.#trainer(),
      seal: (job) => this.#envelope.sealValues(job),
      recover: (member) => back.recover(member),
      saveIdentity: async (renewed) => {
        await keepIdentity(settings, this.#dataKey, renewed);
        this.#identity = renewed;
      },
      report: this.#reporter(),
      unit: Math.random,
      timers,
    };
    this.#uplink = await Uplink.start(uplinkConfig(this.#parts, joined), ports);
    this.#metrics.certificateExpiry.set(this.#uplink.certificate.expiresAtMs / 1_000);
    this.#agent.connect(() => this.#identity ?? joined);
  }

  #trainer(): UplinkPorts['train'] {
    const { region, log, timers, onReport } = this.#parts;
    return heldRounds({
      region,
      timers,
      isStopping: () => this.#stopping.signal.aborted,
      report: (report) => {
        tell(log, report);
        onReport?.(report);
      },
    });
  }

  #reporter(): UplinkPorts['report'] {
    const { log, onReport } = this.#parts;
    const report = reporter(log, this.#metrics);
    return (event) => {
      report(event);
      onReport?.(event);
    };
  }
}

function uplinkConfig({ config, reached }: ParentParts, identity: ClusterIdentity): UplinkConfig {
  const { dataDirectory, parent, tracks } = config;
  const caches = new Map<TrackId, ModelCache>();
  const modelsOf = (track: TrackId) => {
    const cache = caches.get(track) ?? new ModelCache(join(dataDirectory, 'models', track));
    caches.set(track, cache);
    return cache;
  };
  return {
    addresses: parent.addresses,
    connect: reached?.toRounds ?? connectToRounds,
    tracks,
    // What the region has is looked at when it is to hold a round, and said there.
    learns: () => true,
    clientBuild: build,
    identity,
    modelsOf,
    outbox: new Outbox(join(dataDirectory, 'outbox')),
    times: {
      ...defaultUplinkTimes,
      silenceMsMax: parent.silenceSecondsMax * 1_000,
      reconnect: reconnectOf(config),
    },
  };
}

type AgentNeeds = Readonly<{ trustAnchor: Uint8Array | undefined; metrics: ClientMetrics; signal: AbortSignal }>;

async function openAgent(parts: ParentParts, { trustAnchor, metrics, signal }: AgentNeeds): Promise<ReleaseAgent> {
  const { config, region, registry, log, timers, onAgentEvent, reached } = parts;
  const report = agentReporter(log, metrics);
  const found: { agent?: ReleaseAgent } = {};
  const hosts = new Map<TrackId, ModelHost>(
    config.tracks.map((track) => {
      const pathOf = (digest: Digest) => (found.agent as ReleaseAgent).files.path(digest);
      const republished: RegionHostParts['republished'] = (said) => log.info(said, "the parent's release is published");
      return [track, new RegionHost({ track, region, registry, pathOf, signal, republished })];
    }),
  );
  const agent = await ReleaseAgent.open(
    {
      folder: join(config.dataDirectory, 'agent'),
      addresses: config.parent.addresses,
      connect: reached?.toReleases ?? connectToReleases,
      hosts,
      keepReleases: 4,
      trustAnchor,
      labels: undefined,
      times: { ...defaultAgentTimes, reconnect: reconnectOf(config) },
    },
    {
      report: (event) => {
        report(event);
        onAgentEvent?.(event);
      },
      unit: Math.random,
      timers,
    },
  );
  found.agent = agent;
  // Not waited for: what the region has not published yet waits for the end of its round, which this side alone may end.
  void agent.restore();
  return agent;
}

function reconnectOf({ parent: { reconnectSecondsMax } }: RelayConfig) {
  return { firstMs: Math.min(1_000, reconnectSecondsMax * 1_000), maxMs: reconnectSecondsMax * 1_000 };
}

function tell(log: Log, report: HeldRoundReport): void {
  const { kind, ...fields } = report;
  switch (report.kind) {
    case 'waiting': {
      const { track, round, fault } = report;
      log.warn({ track, round, ...faultFields(fault) }, 'the region waits before it opens its round');
      return;
    }
    case 'opened':
      if (report.late) log.warn(fields, "the region's round may end after its parent's: shorten its policy's rounds");
      else log.info(fields, "the region's round is open");
      return;
    case 'candidate':
      log.info(fields, "the region's candidate goes to its parent");
      return;
  }
}
