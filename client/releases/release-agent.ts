import { join } from 'node:path';
import { fullJitterMs } from '../../base/backoff.ts';
import type { Fault } from '../../base/fault.ts';
import { pause } from '../../base/pause.ts';
import type { Timer } from '../../base/time.ts';
import type { Digest, TrackId } from '../../proto/ids.ts';
import { trustedRoot } from '../../proto/release/trust.ts';
import type { AgentConfig, AgentPorts, IdentityOf } from './agent-ports.ts';
import { AgentStore, type AgentStoreFound } from './agent-store.ts';
import { type AgentView, viewOf } from './agent-view.ts';
import { AgentWork } from './agent-work.ts';
import { type Agent, isAnchored, newAgent, runningOf } from './decide/agent.ts';
import type { AgentEffect, Due, Happened } from './decide/effects.ts';
import { step } from './decide/step.ts';
import type { ReleaseCalls } from './release-calls.ts';
import { ReleaseFiles } from './release-files.ts';
import { hungUp, keepSubscribed } from './release-stream.ts';
import { ReportOutbox } from './reports/report-outbox.ts';
import { Reporter } from './reports/reporter.ts';

/**
 * The part of a client that decides what scores: follows signed metadata, verifies it, fetches what it names, and swaps.
 * What to do is decided in `decide/`; here it is done. Whatever fails, the last good model goes on (I7).
 */
export class ReleaseAgent {
  /** Those of the releases that it runs, keeps and fetches. */
  readonly files: ReleaseFiles;
  readonly #config: AgentConfig;
  readonly #ports: AgentPorts;
  readonly #found: AgentStoreFound;
  readonly #reporter: Reporter;
  readonly #work: AgentWork;
  readonly #stopping = new AbortController();
  readonly #waiting = new Map<Due, Timer>();
  /** Reports on their way to the outbox. */
  readonly #reports = new Set<Promise<void>>();
  /** What happened while a step was being performed comes after it. */
  readonly #happened: Happened[] = [];
  #isStepping = false;
  #following: Promise<void> | undefined;
  #agent: Agent;
  #heard = Promise.withResolvers<void>();
  #identity: IdentityOf | undefined;
  #calls: ReleaseCalls | undefined;
  #hangUp: (fault: Fault) => void = () => {};

  private constructor(config: AgentConfig, ports: AgentPorts, store: AgentStore, outbox: ReportOutbox) {
    this.#config = config;
    this.#ports = ports;
    this.#found = store.found;
    this.#reporter = new Reporter(outbox, ports, config.times, this.#stopping.signal);
    const { lightAlone = false, times } = config;
    const { stallMs, bytesPerSecondMin } = times;
    this.files = new ReleaseFiles(join(config.folder, 'files'));
    this.#work = new AgentWork({
      hosts: config.hosts,
      files: this.files,
      store,
      reporter: this.#reporter,
      ports,
      fetching: { signal: this.#stopping.signal, timers: ports.timers, stallMs, bytesPerSecondMin, lightAlone },
      calls: () => this.#calls,
    });
    this.#agent = newAgent({
      tracks: [...config.hosts.keys()],
      keep: config.keepReleases,
      anchorFile: config.trustAnchor,
      storeFault: store.found.fault,
      stored: store.state,
    });
  }

  /** Reads what an earlier run left; nothing is loaded yet. */
  static async open(config: AgentConfig, ports: AgentPorts): Promise<ReleaseAgent> {
    const store = await AgentStore.open(config.folder);
    const outbox = await ReportOutbox.open(join(config.folder, 'reports.json'));
    return new ReleaseAgent(config, ports, store, outbox);
  }

  /** Whether this cluster has ever trusted signed metadata, or was given an anchor to do so. */
  get isAnchored(): boolean {
    return isAnchored(this.#agent);
  }

  /** Why nothing new is trusted or installed, a sentence: what an earlier run stored cannot be used, or what comes is refused; else empty. */
  get unusable(): readonly string[] {
    const { storeFault, faults } = this.#agent;
    const fault = storeFault ?? faults.get(undefined)?.fault;
    return fault === undefined ? [] : [`releases: ${fault.code}: ${fault.message}`];
  }

  /** The version that scores a track; undefined while no verified release does. */
  liveVersion(track: TrackId): number | undefined {
    return runningOf(this.#agent, track).live?.release.target.version;
  }

  /** The digest of the manifest of the release that scores a track, as the signed catalogue names it. */
  liveManifest(track: TrackId): Digest | undefined {
    return runningOf(this.#agent, track).live?.release.target.manifest.digest;
  }

  /** Runs the last good releases, without the coordinator: the live one, or an earlier one where its files are damaged. */
  async restore(): Promise<void> {
    const { isCopy, setAside } = this.#found;
    if (isCopy) this.#ports.report({ kind: 'stoodIn', setAside });
    this.#hear({ kind: 'started' });
    await this.#until(({ turn }) => turn.kind !== 'restoring');
  }

  /** Follows the coordinator from now on. */
  connect(identity: IdentityOf): void {
    this.#identity = identity;
    this.#reporter.speakFor(identity);
    const { federation, cluster } = identity();
    this.#hear({ kind: 'enrolled', who: { federation, cluster } });
  }

  /** remarks: what the live models' calibrations say of themselves, by track. */
  view(remarks?: ReadonlyMap<TrackId, readonly string[]>): AgentView {
    const { setAside } = this.#found;
    return viewOf(this.#agent, { reportsWaiting: this.#reporter.waiting, setAside }, this.#ports.timers.now(), remarks);
  }

  /** Ends what runs, with a last report on each run in shadow; reports that could not be sent stay on disk. */
  async close(): Promise<void> {
    this.#stopping.abort();
    for (const timer of this.#waiting.values()) this.#ports.timers.cancel(timer);
    this.#hear({ kind: 'stopped' });
    await this.#until(({ turn }) => turn.kind === 'closed');
    await Promise.all([this.#following, ...this.#reports]);
    await this.#reporter.settled();
  }

  #hear(happened: Happened): void {
    this.#happened.push(happened);
    if (this.#isStepping) return;
    this.#isStepping = true;
    try {
      for (let next = this.#happened.shift(); next !== undefined; next = this.#happened.shift()) {
        const { agent, effects } = step(this.#agent, { ...next, nowMs: this.#ports.timers.now() });
        this.#agent = agent;
        for (const effect of effects) this.#perform(effect);
      }
    } finally {
      this.#isStepping = false;
    }
    this.#heard.resolve();
    this.#heard = Promise.withResolvers();
  }

  async #until(isSo: (agent: Agent) => boolean): Promise<void> {
    while (!isSo(this.#agent)) await this.#heard.promise;
  }

  #perform(effect: AgentEffect): void {
    switch (effect.kind) {
      case 'tell':
        this.#ports.report(effect.event);
        return;
      case 'acknowledge': {
        const lost = (error: unknown) => this.#hear({ kind: 'reportLost', why: messageOf(error) });
        const reported = this.#reporter.acknowledge(effect.word).catch(lost);
        this.#reports.add(reported);
        void reported.then(() => this.#reports.delete(reported));
        return;
      }
      case 'follow':
        this.#following = this.#follow(this.#identity as IdentityOf);
        return;
      case 'hangUp': {
        const hangUp = this.#hangUp;
        void this.#reported().then(() => hangUp(hungUp(effect.fault)));
        return;
      }
      case 'wait':
        this.#wait(effect);
        return;
      default:
        void this.#work.perform(effect).then((answer) => this.#hear(answer));
    }
  }

  #wait(effect: Extract<AgentEffect, { kind: 'wait' }>): void {
    const { timers } = this.#ports;
    const { what } = effect;
    timers.cancel(this.#waiting.get(what));
    if (this.#stopping.signal.aborted) return;
    const due = () => this.#hear({ kind: 'due', what });
    this.#waiting.set(what, timers.after(this.#waitMs(effect), due, { background: what === 'expiry' }));
  }

  #waitMs(effect: Extract<AgentEffect, { kind: 'wait' }>): number {
    const { retry, shadowReportMs } = this.#config.times;
    switch (effect.what) {
      case 'retry':
        return fullJitterMs(retry, effect.attempt, this.#ports.unit());
      case 'shadowReport':
        return shadowReportMs;
      case 'expiry':
        return effect.untilMs - this.#ports.timers.now();
    }
  }

  async #follow(identity: IdentityOf): Promise<void> {
    await keepSubscribed({
      config: this.#config,
      ports: this.#ports,
      identity,
      tracks: this.#agent.tracks,
      // 0 before the first root.
      rootVersion: () => (this.#agent.seen === null ? 0 : trustedRoot(this.#agent.seen).version),
      isAnchored: () => this.isAnchored,
      signal: this.#stopping.signal,
      onConnected: (calls) => this.#connected(calls),
      onDisconnected: () => this.#connected(undefined),
      onMessage: (message, hangUp) => {
        this.#hangUp = hangUp;
        const labels = this.#config.labels ?? message.labels;
        this.#hear({ kind: 'arrived', received: message.received, labels });
      },
    });
  }

  #connected(calls: ReleaseCalls | undefined): void {
    this.#calls = calls;
    this.#reporter.connected(calls);
    this.#hear({ kind: calls === undefined ? 'disconnected' : 'connected' });
  }

  /** Resolves once what was refused is reported, or cannot be for now: whoever hangs up first could not say why. */
  async #reported(): Promise<void> {
    const { signal } = this.#stopping;
    const waiting = pause(this.#ports.timers, this.#config.times.callTimeoutMs, signal);
    const settled = Promise.all(this.#reports).then(() => this.#reporter.settled());
    await Promise.race([settled, waiting]);
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
