import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { EnvelopeWorker } from '../proto/envelope/envelope-worker.ts';
import { type Fault, ok, type Result, refuse } from '../proto/fault.ts';
import type { TrackId } from '../proto/ids.ts';
import { parseJoinToken } from '../proto/join-token.ts';
import { UnsignedModels } from './agent/unsigned-models.ts';
import { bufferPath, type ClientConfig, isLive, type SecretSource } from './config.ts';
import { Ingest } from './ingest.ts';
import { LiveScoring } from './live-scoring.ts';
import { type HealthServer, type Readiness, startHealthServer } from './observability/health-server.ts';
import { createLog, faultFields } from './observability/log.ts';
import { type ClientMetrics, createMetrics } from './observability/metrics.ts';
import { reporter } from './observability/uplink-reporter.ts';
import { loadBaseline } from './profile/baseline.ts';
import { loadDataKey } from './storage/data-key.ts';
import { type FolderLock, lockFolder } from './storage/folder-lock.ts';
import { recordKey } from './storage/sealed-record.ts';
import { ExampleBuffer } from './training/example-buffer.ts';
import { localTraining } from './training/local-training.ts';
import { defaultPressureLimits } from './training/pressure.ts';
import { PrivacyLedger } from './training/privacy-ledger.ts';
import { Trainer } from './training/trainer.ts';
import { fullJitterMs } from './uplink/backoff.ts';
import { enrol, enrolmentRetries } from './uplink/enrol.ts';
import { type ClusterIdentity, loadIdentity, saveIdentity } from './uplink/identity-store.ts';
import type { Invitation } from './uplink/invitation.ts';
import { ModelCache } from './uplink/model-cache.ts';
import { Outbox } from './uplink/outbox.ts';
import { pause } from './uplink/pause.ts';
import type { UplinkReport } from './uplink/ports.ts';
import { defaultUplinkTimes, Uplink } from './uplink/uplink.ts';

/** For programs that run a client inside themselves. */
export type ClientHooks = Readonly<{
  log?: Logger;
  /**
   * Replaces a delta before it is sealed, shape [layout.length]. What a compromised cluster would do: demonstrations and
   * tests use it, no configuration can.
   */
  transformDelta?: (delta: Float32Array, invitation: Invitation) => Float32Array;
  onReport?: (report: UplinkReport) => void;
  /** The training process's program, one that calls `serveTraining`; the built-in detectors' unless said otherwise. */
  trainProgram?: URL;
}>;

const build = 'testudo-client/0.1.0';
const enrolTimeoutMs = 15_000;

/**
 * One cluster's client: sources feed a buffer, rounds train on it, deltas go up. Resolves when everything local is in
 * place; enrolment and connection go on by themselves. `close()` may be called twice.
 */
export async function startClient(config: ClientConfig, hooks: ClientHooks = {}): Promise<Result<RunningClient>> {
  const log = hooks.log ?? createLog(config.log.level);
  const locked = lockFolder(config.dataDirectory);
  if (!locked.ok) return locked;
  const dataKey = await loadDataKey(config.dataKey, config.dataDirectory);
  if (!dataKey.ok) return released(locked.value, dataKey);
  const buffer = ExampleBuffer.open(bufferPath(config), dataKey.value, config.buffer);
  if (!buffer.ok) return released(locked.value, buffer);
  const baselines = await loadBaselines(config.baselines, buffer.value);
  if (!baselines.ok) {
    buffer.value.close();
    return released(locked.value, baselines);
  }
  const parts = { lock: locked.value, dataKey: dataKey.value, buffer: buffer.value, seenCalls: baselines.value };
  const client = new RunningClient(config, hooks, log, parts);
  await client.start();
  return ok(client);
}

type SeenCalls = ReadonlyMap<string, ReadonlySet<number>>;
type LocalParts = Readonly<{ lock: FolderLock; dataKey: Buffer; buffer: ExampleBuffer; seenCalls: SeenCalls }>;

/** Brings baselines into the buffer, where they set thresholds with the first model, and says which calls they made. */
async function loadBaselines(paths: readonly string[], buffer: ExampleBuffer): Promise<Result<SeenCalls>> {
  const seenCalls = new Map<string, Set<number>>();
  for (const path of paths) {
    const loaded = await loadBaseline(path);
    if (!loaded.ok) return loaded;
    const added = buffer.add(loaded.value.examples, Date.now());
    if (!added.ok) return added;
    for (const [workload, calls] of loaded.value.seenCalls) {
      seenCalls.set(workload, new Set([...(seenCalls.get(workload) ?? []), ...calls]));
    }
  }
  return ok(seenCalls);
}

export class RunningClient {
  readonly metrics: ClientMetrics = createMetrics();
  /** Resolves with the fault that made the client unable to go on, or with nothing when it was closed. */
  readonly done: Promise<Fault | undefined>;
  readonly #config: ClientConfig;
  readonly #hooks: ClientHooks;
  readonly #log: Logger;
  readonly #lock: FolderLock;
  readonly #dataKey: Buffer;
  readonly #buffer: ExampleBuffer;
  readonly #envelope = new EnvelopeWorker();
  readonly #trainer: Trainer;
  readonly #ingest: Ingest;
  readonly #models: ModelCache;
  readonly #scoring: LiveScoring | undefined;
  readonly #unsigned: UnsignedModels;
  readonly #stopping = new AbortController();
  readonly #finish: (fault: Fault | undefined) => void;
  readonly #ledgers = new Map<TrackId, PrivacyLedger>();
  #joining: Promise<void> = Promise.resolve();
  #health: HealthServer | undefined;
  #identity: ClusterIdentity | undefined;
  #uplink: Uplink | undefined;
  #closing: Promise<void> | undefined;

  constructor(config: ClientConfig, hooks: ClientHooks, log: Logger, { lock, dataKey, buffer, seenCalls }: LocalParts) {
    this.#config = config;
    this.#hooks = hooks;
    this.#log = log;
    this.#lock = lock;
    this.#dataKey = dataKey;
    this.#buffer = buffer;
    const done = Promise.withResolvers<Fault | undefined>();
    this.done = done.promise;
    this.#finish = done.resolve;
    this.#trainer = new Trainer({
      ...(hooks.trainProgram === undefined ? {} : { program: hooks.trainProgram }),
      limits: {
        ...defaultPressureLimits,
        rssBytesMax: config.training.rssMiBMax * 2 ** 20,
        loopDelayMsMax: config.training.loopDelayMsMax,
      },
      onBreaker: (state) => {
        if (state.kind === 'paused') this.metrics.trainingPauses.inc({ because: state.because });
        log.info({ ...state }, 'training breaker moved');
      },
      onUnreadable: (count) => this.metrics.bufferFaults.inc({ code: 'RECORD_NOT_OURS' }, count),
    });
    this.#models = new ModelCache(join(config.dataDirectory, 'models'));
    const [track] = config.tracks;
    if (isLive(config) && track !== undefined) {
      this.#scoring = new LiveScoring({
        config,
        track,
        dataKey,
        buffer,
        seenCalls,
        metrics: this.metrics,
        log,
      });
    }
    this.#unsigned = new UnsignedModels({
      dataDirectory: config.dataDirectory,
      models: this.#models,
      install: async (model) => await this.#scoring?.install(model),
    });
    this.#ingest = new Ingest({
      config,
      buffer,
      metrics: this.metrics,
      log,
      judge: async (traces) => (await this.#scoring?.judge(traces)) ?? traces,
      onLabel: (label) => this.#scoring?.hear(label),
    });
  }

  /** The health server's port; undefined when it is off. */
  get healthPort(): number | undefined {
    return this.#health?.port;
  }

  get uplink(): Uplink | undefined {
    return this.#uplink;
  }

  get buffer(): ExampleBuffer {
    return this.#buffer;
  }

  async start(): Promise<void> {
    const { health, tracks, privacy, dataDirectory } = this.#config;
    for (const track of tracks) {
      this.#ledgers.set(track, await PrivacyLedger.open(join(dataDirectory, `privacy-${track}.json`), privacy));
    }
    if (health.listen !== null) {
      this.#health = await startHealthServer(health.listen, this.metrics.registry, () => this.readiness());
    }
    if (this.#scoring !== undefined) await this.#unsigned.restore();
    this.#unsigned.unserved();
    this.#scoring?.start();
    this.#ingest.start();
    this.#joining = this.#join();
    this.#log.info({ healthPort: this.healthPort, dataDirectory, tracks }, 'client started');
  }

  readiness(): Readiness {
    const heardMs = this.#uplink?.heardAtMs ?? 0;
    const silentMs = heardMs === 0 ? -1 : Date.now() - heardMs;
    const checks = {
      enrolled: this.#identity !== undefined,
      sources: this.#ingest.healthy,
      connected: silentMs >= 0 && silentMs < this.#config.coordinator.silenceSecondsMax * 1_000,
      examples: this.#buffer.counts().seen,
    };
    // Not being connected is no reason to be restarted: the detectors go on with what they have.
    return { ready: checks.enrolled && checks.sources, checks };
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#stopping.abort();
    await this.#ingest.close();
    await this.#unsigned.close();
    await this.#scoring?.close();
    await this.#joining;
    await this.#uplink?.close();
    await this.#trainer.close();
    await this.#envelope.close();
    await this.#health?.close();
    this.#buffer.close();
    this.#dataKey.fill(0);
    this.#lock.release();
    this.#log.info('client closed');
    this.#finish(undefined);
  }

  async #join(): Promise<void> {
    const identity = await this.#becomeMember();
    if (this.#stopping.signal.aborted) return;
    if (!identity.ok) {
      this.#log.error(faultFields(identity.fault), 'enrolment failed');
      this.#finish(identity.fault);
      return;
    }
    this.#identity = identity.value;
    const { coordinator, tracks, dataDirectory } = this.#config;
    this.#log.info(
      { cluster: identity.value.cluster, federation: identity.value.federation },
      'member of a federation',
    );
    const report = reporter(this.#log, this.metrics);
    this.#uplink = await Uplink.start(
      {
        addresses: coordinator.addresses,
        tracks,
        clientBuild: build,
        identity: identity.value,
        models: this.#models,
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
          ledgers: this.#ledgers,
          metrics: this.metrics,
          primed: this.#ingest.primed,
          transformDelta: this.#hooks.transformDelta,
        }),
        seal: (job) => this.#envelope.sealValues(job),
        saveIdentity: (renewed) => this.#saveIdentity(renewed),
        report: (event) => {
          report(event);
          if (event.kind === 'fetched') this.#unsigned.offer(event);
          this.#hooks.onReport?.(event);
        },
        unit: Math.random,
        nowMs: Date.now,
      },
    );
    this.metrics.certificateExpiry.set(this.#uplink.certificateExpiresAtMs / 1_000);
  }

  async #becomeMember(): Promise<Result<ClusterIdentity>> {
    const found = await loadIdentity(this.#config.dataDirectory, recordKey(this.#dataKey, 'identity'));
    if (found.ok || found.fault.code !== 'IDENTITY_MISSING') return found;
    const { joinToken, coordinator } = this.#config;
    if (joinToken === undefined) {
      return refuse('JOIN_TOKEN_MISSING', `${found.fault.message}; set joinToken.file or joinToken.environment`);
    }
    const text = await readSecret(joinToken);
    if (!text.ok) return text;
    const token = parseJoinToken(text.value);
    if (!token.ok) return token;
    const address = coordinator.enrolAddress ?? coordinator.addresses[0];
    for (let attempt = 0; ; attempt += 1) {
      const enrolled = await enrol(address, token.value, enrolTimeoutMs);
      if (enrolled.ok) {
        await this.#saveIdentity(enrolled.value);
        return enrolled;
      }
      if (!enrolmentRetries.has(enrolled.fault.code)) return enrolled;
      const reconnect = { firstMs: 500, maxMs: coordinator.reconnectSecondsMax * 1_000 };
      const retryInMs = fullJitterMs(reconnect, attempt, Math.random());
      this.#log.warn({ ...faultFields(enrolled.fault), retryInMs }, 'enrolment attempt failed');
      await pause(retryInMs, this.#stopping.signal);
      if (this.#stopping.signal.aborted) return enrolled;
    }
  }

  async #saveIdentity(identity: ClusterIdentity): Promise<void> {
    await saveIdentity(this.#config.dataDirectory, recordKey(this.#dataKey, 'identity'), identity);
  }
}

async function readSecret(source: SecretSource): Promise<Result<string, 'JOIN_TOKEN_MISSING'>> {
  if (source.kind === 'environment') {
    const text = process.env[source.name];
    return text === undefined
      ? refuse('JOIN_TOKEN_MISSING', `join token: environment variable ${source.name} is not set`)
      : ok(text);
  }
  try {
    return ok(await readFile(source.path, 'utf8'));
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown';
    return refuse('JOIN_TOKEN_MISSING', `join token: ${source.path} cannot be read (${code})`);
  }
}

function released<Failed extends Result<never>>(lock: FolderLock, result: Failed): Failed {
  lock.release();
  return result;
}
