import { join } from 'node:path';
import { buildVersion } from '../base/build-version.ts';
import { type Fault, ok, type Result } from '../base/fault.ts';
import type { FolderLock } from '../base/folder-lock.ts';
import { faultFields, type Log, makeLog } from '../base/log.ts';
import { type HttpServer, servePages } from '../base/serving/http-server.ts';
import { systemTimers } from '../base/system-timers.ts';
import type { Timers } from '../base/time.ts';
import { EnvelopeWorker } from '../proto/envelope/files/envelope-worker.ts';
import type { TrackId } from '../proto/ids.ts';
import { type ClientConfig, trainingBytesMax } from './config.ts';
import type { Hub } from './hub/hub.ts';
import type { ReleasesRelay } from './hub/releases/releases-relay.ts';
import { Ingest } from './ingest.ts';
import type { PodWatch } from './kube/pod-watch.ts';
import type { LocalTrack } from './learning/local-track.ts';
import { defaultPressureLimits } from './learning/pressure.ts';
import { Trainer } from './learning/trainer.ts';
import type { ClusterIdentity } from './link/identity-store.ts';
import { mapNewsOf } from './link/map-teller.ts';
import { becomeMember, keepIdentity, openComingBack } from './link/membership.ts';
import { LiveTracks } from './live-tracks.ts';
import { localTraining } from './local-training.ts';
import { healthPages, type Readiness } from './observability/health-pages.ts';
import { type ClientMetrics, createMetrics } from './observability/metrics.ts';
import { standingOf } from './observability/standing.ts';
import { openAgent } from './open-agent.ts';
import { openHub, openRelay } from './open-hub.ts';
import { type LocalParts, openLocal, type StartFaultCode } from './open-local.ts';
import { openPods } from './open-pods.ts';
import type { AgentEvent } from './releases/agent-ports.ts';
import type { ReleaseAgent } from './releases/release-agent.ts';
import type { ReleaseFiles } from './releases/release-files.ts';
import { connectOverGrpc } from './rounds/grpc/connect.ts';
import type { Invitation } from './rounds/invitation.ts';
import { Outbox } from './rounds/outbox.ts';
import { Uplink } from './rounds/participant.ts';
import { defaultUplinkTimes } from './rounds/participant-config.ts';
import type { UplinkReport } from './rounds/ports.ts';
import { reporter } from './rounds/round-reporter.ts';
import { isLive } from './sources/source-config.ts';
import { recordKey } from './storage/sealed-record.ts';

/** For programs that run a client inside themselves. */
export type ClientHooks = Readonly<{
  log?: Log;
  /** Default: the system's. */
  timers?: Timers;
  /**
   * Replaces a delta before it is sealed, shape [layout.length]. What a compromised cluster would do: demonstrations and
   * tests use it, no configuration can.
   */
  transformDelta?: (delta: Float32Array, invitation: Invitation) => Float32Array;
  onReport?: (report: UplinkReport) => void;
  onAgentEvent?: (event: AgentEvent) => void;
  /** Scores as if there were a live source: for programs that hand observations to `observe` themselves. */
  judged?: boolean;
}>;

const build = `testudo-client/${buildVersion()}`;

/**
 * One cluster's client: sources feed its tracks, rounds train on what they keep, deltas go up. Resolves when everything
 * local is in place; enrolment and connection go on by themselves. `close()` may be called twice.
 */
export async function startClient(
  config: ClientConfig,
  hooks: ClientHooks = {},
): Promise<Result<RunningClient, StartFaultCode>> {
  const log = hooks.log ?? makeLog(config.log.level, { fields: { component: 'client' }, to: 'standard output' });
  const parts = await openLocal(config, log, (hooks.timers ?? systemTimers).now());
  if (!parts.ok) return parts;
  const client = new RunningClient(config, hooks, log, parts.value);
  await client.start();
  return ok(client);
}

export class RunningClient {
  readonly metrics: ClientMetrics = createMetrics();
  /** Resolves with the fault that made the client unable to go on, or with nothing when it was closed. */
  readonly done: Promise<Fault | undefined>;
  readonly tracks: ReadonlyMap<TrackId, LocalTrack>;
  readonly #config: ClientConfig;
  readonly #hooks: ClientHooks;
  readonly #log: Log;
  readonly #timers: Timers;
  readonly #lock: FolderLock;
  readonly #dataKey: Buffer;
  readonly #trustAnchor: Uint8Array | undefined;
  readonly #envelope = new EnvelopeWorker();
  readonly #trainer: Trainer;
  readonly #ingest: Ingest;
  readonly #live: LiveTracks;
  readonly #stopping = new AbortController();
  readonly #finish: (fault: Fault | undefined) => void;
  #joining: Promise<void> = Promise.resolve();
  #health: HttpServer | undefined;
  #identity: ClusterIdentity | undefined;
  #notEnrolled: Fault | undefined;
  #uplink: Uplink | undefined;
  #agent: ReleaseAgent | undefined;
  #hub: Hub | undefined;
  #pods: PodWatch | undefined;
  #closing: Promise<void> | undefined;

  constructor(config: ClientConfig, hooks: ClientHooks, log: Log, { lock, dataKey, tracks, trustAnchor }: LocalParts) {
    this.#config = config;
    this.#hooks = hooks;
    this.#log = log;
    this.#timers = hooks.timers ?? systemTimers;
    this.#lock = lock;
    this.#dataKey = dataKey;
    this.#trustAnchor = trustAnchor;
    this.tracks = tracks;
    const done = Promise.withResolvers<Fault | undefined>();
    this.done = done.promise;
    this.#finish = done.resolve;
    const { metrics } = this;
    this.#trainer = new Trainer({
      limits: {
        ...defaultPressureLimits,
        rssBytesMax: trainingBytesMax(config),
        loopDelayMsMax: config.training.loopDelayMsMax,
      },
      onBreaker: (state) => {
        if (state.kind === 'paused') metrics.trainingPauses.inc({ because: state.because });
        log.info({ ...state }, 'training breaker moved');
      },
      onUnreadable: (count) => metrics.bufferFaults.inc({ code: 'RECORD_NOT_OURS' }, count),
    });
    this.#live = new LiveTracks({
      config,
      tracks,
      live: isLive(config.sources) || config.hub !== null || hooks.judged === true,
      dataKey,
      identity: () => this.#identity,
      metrics,
      log,
      timers: this.#timers,
    });
    this.#ingest = new Ingest({
      config,
      tracks,
      metrics,
      log,
      timers: this.#timers,
      judge: (track, observations) => this.#live.judge(track, observations),
      riskOf: (watched, namespace, workload) => this.#live.riskOf(watched, namespace, workload),
      exposedBy: (namespace, workload) => this.#pods?.exposedBy(namespace, workload),
      salt: recordKey(dataKey, 'subjects').bytes,
      onLabel: (label) => this.#live.hear(label),
      onFlow: (flow) => this.#live.count(flow),
      through: (items) => this.#pods?.enrich(items) ?? items,
    });
  }

  /** The health server's port; undefined when it is off. */
  get healthPort(): number | undefined {
    return this.#health?.port;
  }

  /** What serves this cluster's sensors; undefined where no hub is configured. */
  get hub(): Hub | undefined {
    return this.#hub;
  }

  get uplink(): Uplink | undefined {
    return this.#uplink;
  }

  /** What decides which models score; undefined before `start`. */
  get agent(): ReleaseAgent | undefined {
    return this.#agent;
  }

  /** Judges a track's observations as those of a live source are judged; what is normal is returned, and not learnt. */
  async observe(track: TrackId, observations: readonly unknown[]): Promise<readonly unknown[]> {
    const local = this.tracks.get(track);
    if (local === undefined) throw new RangeError(`this client does not run the track ${track}`);
    return await this.#live.judge(local, observations);
  }

  async start(): Promise<void> {
    const { health, dataDirectory } = this.#config;
    if (health.listen !== null) {
      const score = () => this.#agent?.view(this.#live.remarks()) ?? {};
      this.#health = await servePages(
        health.listen,
        healthPages(this.metrics.registry, () => this.readiness(), score),
      );
    }
    const { metrics } = this;
    const onEvent = this.#hooks.onAgentEvent;
    const relay = await openRelay(this.#config, this.#log, this.#timers);
    const agent = await openAgent({
      config: this.#config,
      trustAnchor: this.#trustAnchor,
      live: this.#live,
      metrics,
      log: this.#log,
      timers: this.#timers,
      relay,
      onEvent,
    });
    this.#agent = agent;
    await this.#live.start((track) => agent.liveVersion(track) !== undefined);
    this.#pods = await openPods(this.#config.kubernetes, { metrics, log: this.#log, timers: this.#timers });
    this.#ingest.start();
    if (relay !== undefined) await this.#openHub(relay, agent.files);
    this.#joining = this.#join();
    const tracks = [...this.tracks.keys()];
    this.#log.info({ healthPort: this.healthPort, dataDirectory, tracks }, 'client started');
  }

  readiness(): Readiness {
    const silenceMsMax = this.#config.coordinator.silenceSecondsMax * 1_000;
    const before = { isEnrolled: this.#identity !== undefined, failed: this.#notEnrolled };
    const { certificate, connected, why } = standingOf(this.#uplink, before, silenceMsMax, this.#timers.now());
    const degraded = this.#ingest.blind;
    const unusable = this.#agent?.unusable ?? [];
    const checks = {
      enrolled: this.#identity !== undefined,
      certificate,
      sources: degraded.length === 0,
      connected,
      releases: unusable.length === 0,
      examples: [...this.tracks.values()].reduce((sum, { buffer }) => sum + buffer.counts().seen, 0),
    };
    // Not being connected is no reason to be restarted: the detectors go on with what they have.
    const ready = checks.enrolled && certificate !== 'ended' && checks.sources;
    const blind = degraded.map(({ source, state, message }) => `${source}: ${state}: ${message}`);
    return { ready, checks, why: [...why, ...blind, ...unusable], degraded };
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#stopping.abort();
    await this.#hub?.close();
    await this.#ingest.close();
    await this.#pods?.close();
    await this.#joining;
    await this.#agent?.close();
    await this.#live.close();
    await this.#uplink?.close();
    await this.#trainer.close();
    await this.#envelope.close();
    await this.#health?.close();
    for (const { buffer } of this.tracks.values()) buffer.close();
    this.#dataKey.fill(0);
    this.#lock.release();
    this.#log.info('client closed');
    this.#finish(undefined);
  }

  async #openHub(relay: ReleasesRelay, files: ReleaseFiles): Promise<void> {
    const hub = await openHub({
      config: this.#config,
      dataKey: this.#dataKey,
      tracks: this.tracks,
      live: this.#live,
      ...{ relay, files, pods: this.#pods },
      responses: () => this.#uplink?.responses,
      versionOf: (track) => this.#agent?.liveVersion(track),
      manifestOf: (track) => this.#agent?.liveManifest(track),
      who: () => this.#identity,
      onFlows: (flows) => this.#ingest.hear(flows),
      metrics: this.metrics,
      log: this.#log,
      timers: this.#timers,
    });
    if (hub.ok) this.#hub = hub.value;
    else {
      this.#log.error(faultFields(hub.fault), 'the hub cannot be opened');
      this.#finish(hub.fault);
    }
  }

  async #join(): Promise<void> {
    const back = openComingBack(this.#config, this.#dataKey, this.#timers);
    const signal = this.#stopping.signal;
    const failed = (fault: Fault) => {
      this.#notEnrolled = fault;
    };
    const identity = await becomeMember(this.#config, this.#dataKey, this.#log, signal, this.#timers, back, failed);
    if (this.#stopping.signal.aborted) return;
    if (!identity.ok) {
      this.#log.error(faultFields(identity.fault), 'enrolment failed');
      this.#finish(identity.fault);
      return;
    }
    this.#identity = identity.value;
    const { coordinator, dataDirectory } = this.#config;
    const { cluster, federation } = identity.value;
    this.#log.info({ cluster, federation }, 'member of a federation');
    const report = reporter(this.#log, this.metrics);
    this.#uplink = await Uplink.start(
      {
        addresses: coordinator.addresses,
        connect: connectOverGrpc,
        tracks: [...this.tracks.keys()],
        learns: (track, { architecture }) => this.tracks.get(track)?.kind.architectures.includes(architecture) === true,
        clientBuild: build,
        identity: identity.value,
        modelsOf: (track) => this.#live.modelsOf(track),
        outbox: new Outbox(join(dataDirectory, 'outbox')),
        times: {
          ...defaultUplinkTimes,
          silenceMsMax: coordinator.silenceSecondsMax * 1_000,
          reconnect: {
            firstMs: Math.min(1_000, coordinator.reconnectSecondsMax * 1_000),
            maxMs: coordinator.reconnectSecondsMax * 1_000,
          },
        },
      },
      {
        train: localTraining({
          config: this.#config,
          dataKey: this.#dataKey,
          trainer: this.#trainer,
          tracks: this.tracks,
          metrics: this.metrics,
          primed: this.#ingest.primed,
          timers: this.#timers,
          transformDelta: this.#hooks.transformDelta,
        }),
        seal: (job) => this.#envelope.sealValues(job),
        recover: (member) => back.recover(member),
        saveIdentity: async (renewed) => {
          await keepIdentity(this.#config, this.#dataKey, renewed);
          this.#identity = renewed;
        },
        report: (event) => {
          report(event);
          if (event.kind === 'fetched') this.#live.offer(event);
          this.#hooks.onReport?.(event);
        },
        alerts: this.#live.alerts,
        maps: this.#config.share.map ? mapNewsOf(this.tracks) : undefined,
        unit: Math.random,
        timers: this.#timers,
      },
    );
    this.#agent?.connect(() => this.#identity ?? identity.value);
    this.metrics.certificateExpiry.set(this.#uplink.certificate.expiresAtMs / 1_000);
  }
}
