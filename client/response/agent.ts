import { join } from 'node:path';
import { failpoint } from '../../base/failpoint.ts';
import { FaultError, ok, type Result } from '../../base/fault.ts';
import { type FolderLock, lockFolder } from '../../base/folder-lock.ts';
import { type Log, makeLog } from '../../base/log.ts';
import { alivePage, type HttpServer, jsonPage, metricsPage, servePages } from '../../base/serving/http-server.ts';
import { systemTimers } from '../../base/system-timers.ts';
import type { Timer, Timers } from '../../base/time.ts';
import { KubeEndpoint } from '../kube/endpoint.ts';
import type { AgentConfig } from './agent-config.ts';
import { type AgentMetrics, createAgentMetrics } from './agent-metrics.ts';
import { apiCluster } from './cluster/api-cluster.ts';
import { ClusterView, socketsFor } from './cluster/cluster-view.ts';
import type { Facts } from './cluster/facts.ts';
import { LeaseElection } from './cluster/lease.ts';
import { type Send, sendTo } from './cluster/send.ts';
import { ResponseLoop } from './loop.ts';
import { openParts } from './parts.ts';
import { ImageWatch } from './posture/image-watch.ts';
import { Quarantine } from './quarantine/quarantine.ts';
import { isPutBack } from './rotation/rotation.ts';
import { RotationLog } from './rotation/rotation-log.ts';
import { loadRotationSecret } from './rotation/secret.ts';
import { watchedRotation } from './rotation-view.ts';

/** On the lease, by whoever leads: budgets that are spent, and a breaker that is open. */
const sharedAnnotation = 'testudo.io/response';

/** For programs that run an agent inside themselves. */
export type AgentHooks = Readonly<{ log?: Log; timers?: Timers; environment?: NodeJS.ProcessEnv; unit?: () => number }>;

/**
 * The agent that answers in pods. Resolves when everything local is in place; the API server is found meanwhile. Rejects
 * where its port cannot be had.
 */
export async function startAgent(
  config: AgentConfig,
  hooks: AgentHooks = {},
): Promise<Result<ResponseAgent, 'FOLDER_IN_USE' | 'FOLDER_UNUSABLE' | 'DISK_FULL' | 'ROTATION_SECRET_UNUSABLE'>> {
  const log = hooks.log ?? makeLog(config.log.level, { fields: { component: 'agent' }, to: 'standard output' });
  const locked = lockFolder(config.dataDirectory);
  if (!locked.ok) return locked;
  const secret = await loadRotationSecret(config.rotation.secretFile, config.dataDirectory);
  if (!secret.ok) {
    locked.value.release();
    return secret;
  }
  const book =
    config.rotation.mode === 'off'
      ? undefined
      : await RotationLog.open(join(config.dataDirectory, 'rotation.log'), secret.value);
  const agent = new ResponseAgent(config, { ...hooks, log, lock: locked.value, rotationSecret: secret.value, book });
  await agent.start();
  return ok(agent);
}

type AgentParts = AgentHooks &
  Readonly<{ log: Log; lock: FolderLock; rotationSecret: Buffer; book: RotationLog | undefined }>;

/** See `startAgent`. */
export class ResponseAgent {
  readonly metrics: AgentMetrics = createAgentMetrics();
  readonly #config: AgentConfig;
  readonly #log: Log;
  readonly #lock: FolderLock;
  readonly #timers: Timers;
  readonly #stopping = new AbortController();
  readonly #endpoint: KubeEndpoint;
  readonly #election: LeaseElection;
  readonly #view: ClusterView;
  readonly #loop: ResponseLoop;
  readonly #quarantine: Quarantine | undefined;
  readonly #rotation: ReturnType<typeof watchedRotation>;
  readonly #images: ImageWatch | undefined;
  readonly #pages: ReturnType<typeof openParts>['pages'];
  #leadTimer: Timer | undefined;
  #looking: Promise<void> = Promise.resolve();
  #server: HttpServer | undefined;
  #led = false;
  #isSynced = false;

  constructor(config: AgentConfig, parts: AgentParts) {
    const { log, lock, timers = systemTimers, environment, unit = Math.random, rotationSecret: secret, book } = parts;
    this.#config = config;
    this.#log = log;
    this.#lock = lock;
    this.#timers = timers;
    this.#endpoint = new KubeEndpoint(config.kubernetes, environment, socketsFor(config.namespaces.length));
    const send = sendTo(this.#endpoint, timers, this.#stopping.signal);
    const { lease } = config;
    const settings = {
      ...{ namespace: lease.namespace, name: lease.name, holder: lease.holder },
      durationMs: lease.durationSeconds * 1_000,
      renewWithinMs: lease.renewWithinSeconds * 1_000,
      retryMs: lease.retrySeconds * 1_000,
    };
    this.#election = new LeaseElection(settings, send, timers);
    this.#view = new ClusterView(config.namespaces, {
      ...{ endpoint: this.#endpoint, timers, unit },
      onChange: () => this.#loop?.wake(),
      onEnded: (path, fault) => {
        this.metrics.watchEnds.inc({ code: fault?.code ?? 'none' });
        if (fault !== undefined) log.warn({ path, code: fault.code, cause: fault.message }, 'a watch ended');
      },
    });
    void this.#view.synced.then(() => {
      this.#isSynced = true;
      this.#loop.wake();
    });
    this.#images = config.images && new ImageWatch(config.images, { timers, log });
    this.#quarantine = this.#makeQuarantine(send);
    this.#rotation = watchedRotation({
      ...{ config: config.rotation, secret, book, metrics: this.metrics, election: this.#election, timers },
      onUnwritten: (error) => log.error({ error }, 'the rotation log could not be written'),
    });
    const opened = openParts({ config, rotation: this.#rotation, quarantine: this.#quarantine });
    this.#pages = opened.pages;
    this.#loop = new ResponseLoop(opened.parts, {
      cluster: apiCluster(send, this.#election.isHeld),
      timers,
      facts: () => this.#facts(),
      leads: () => this.#isSynced && this.#election.isHeld(),
      onBegin: ({ kind, id }) => {
        if (kind === 'patchPod') failpoint(isPutBack(id) ? 'put-back-decided' : 'pod-patch-decided');
        if (kind === 'evictPod') failpoint('pod-eviction-decided');
      },
      onDone: (part, action, done) => {
        const outcome = done.ok ? 'done' : done.fault.code;
        this.metrics.actions.inc({ part, action: action.kind, outcome });
        if (done.ok && action.kind === 'patchPod') failpoint(isPutBack(action.id) ? 'put-back-done' : 'pod-patched');
        if (done.ok && action.kind === 'evictPod') failpoint('pod-evicted');
        if (!done.ok)
          log.warn({ part, action: action.kind, id: action.id, code: outcome, cause: done.fault.message }, 'refused');
      },
      onFailed: (part, error) => {
        this.metrics.failures.inc({ part });
        log.error({ part, error }, 'a part failed');
      },
    });
  }

  get port(): number | undefined {
    return this.#server?.port;
  }

  async start(): Promise<void> {
    const { health } = this.#config;
    if (health.listen !== null) {
      this.#server = await servePages(health.listen, {
        '/healthz': alivePage,
        '/readyz': () => this.#readyPage(),
        '/metrics': () => metricsPage(this.metrics.registry),
        ...this.#pages,
      });
      this.#log.info({ port: this.#server.port }, 'health server listens');
    }
    const opened = await this.#quarantine?.open();
    if (opened !== undefined && !opened.ok) {
      await this.close();
      throw new FaultError(opened.fault);
    }
    this.#looking = this.#keepLease();
  }

  /** Stops deciding, finishes what was begun, hands the lease back. May be called twice. */
  async close(): Promise<void> {
    this.#timers.cancel(this.#leadTimer);
    const wasStopped = this.#stopping.signal.aborted;
    await this.#loop.stop();
    await this.#looking;
    if (!wasStopped) await this.#election.release();
    await this.#quarantine?.close();
    this.#stopping.abort();
    await this.#view.close();
    await this.#rotation.close();
    await this.#images?.close();
    this.#endpoint.close();
    await this.#server?.close();
    this.#lock.release();
  }

  /** The cluster's objects, with what alerts say of pods where alerts are read. */
  #facts(): Facts {
    const { facts } = this.#view;
    if (this.#quarantine === undefined) return facts;
    return { ...facts, risks: this.#quarantine.risks(facts), claimed: this.#quarantine.claimed };
  }

  #makeQuarantine(send: Send): Quarantine | undefined {
    const { quarantine: config, dataDirectory, hub: settings, lease } = this.#config;
    if (config === undefined) return undefined;
    const { suspects: suspectsGauge, quarantined: quarantinedGauge, breakerOpen, hubThere } = this.metrics;
    const hub = settings === undefined ? undefined : { settings, name: lease.holder };
    return new Quarantine({
      onHub: (isThere) => hubThere.set(isThere ? 1 : 0),
      shared: {
        seen: () => this.#election.annotationsSeen[sharedAnnotation],
        keep: (text) => this.#election.keep(sharedAnnotation, text),
      },
      ...{ config, hub, dataDirectory, send, images: this.#images, timers: this.#timers, log: this.#log },
      wake: () => this.#loop.wake(),
      leads: () => this.#isSynced && this.#election.isHeld(),
      leader: () => this.#election.leader,
      rotation: () => this.#rotation.standing(),
      onCounts: ({ suspects, quarantined, isBreakerOpen }) => {
        for (const [state, count] of Object.entries(suspects)) suspectsGauge.set({ state }, count);
        for (const [verdict, count] of Object.entries(quarantined)) quarantinedGauge.set({ verdict }, count);
        breakerOpen.set(isBreakerOpen ? 1 : 0);
      },
    });
  }

  /** Ready when it sees everything: an agent that only waits for the lease does its work. */
  #readyPage() {
    const { blindSinceMs } = this.#view.facts;
    const ready = this.#isSynced && blindSinceMs === null;
    return jsonPage({ ready, leads: this.#election.isHeld(), blindSinceMs }, ready ? 200 : 503);
  }

  async #keepLease(): Promise<void> {
    const wrong = await this.#election.look();
    const leads = this.#election.isHeld();
    this.metrics.leads.set(leads ? 1 : 0);
    this.metrics.blind.set(this.#view.facts.blindSinceMs === null ? 0 : 1);
    for (const [signature, count] of Object.entries(this.#images?.count(this.#view.facts) ?? {}))
      this.metrics.images.set({ signature }, count);
    if (wrong !== undefined) this.#log.warn({ cause: wrong }, 'the lease could not be looked at');
    if (leads !== this.#led)
      this.#log.info({ leads, leader: this.#election.leader }, leads ? 'this agent leads' : 'this agent leads no more');
    if (this.#led && !leads) {
      this.#rotation.forget();
      this.#quarantine?.forget();
    }
    if (leads !== this.#led) this.#loop.wake();
    this.#led = leads;
    if (this.#stopping.signal.aborted || this.#loop.isStopped) return;
    this.#leadTimer = this.#timers.after(this.#config.lease.retrySeconds * 1_000, () => {
      this.#looking = this.#keepLease();
    });
  }
}
