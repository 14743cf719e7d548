import { join } from 'node:path';
import { fullJitterMs } from '../../base/backoff.ts';
import { Beat } from '../../base/beat.ts';
import { type Result, refuse } from '../../base/fault.ts';
import { pause } from '../../base/pause.ts';
import type { ReleasesClient, SubscribeResponse } from '../../proto/generated/testudo/v1/releases.ts';
import type { TrackId } from '../../proto/ids.ts';
import type { ReleaseFaultCode } from '../../proto/release/faults.ts';
import { type Resolution, resolveRelease } from '../../proto/release/resolve.ts';
import type { ShadowReport } from '../../proto/release/shadow-report.ts';
import type { ReceivedReleases, ReleaseProposal } from '../../proto/release/walk.ts';
import type { AgentConfig, AgentPorts, IdentityOf, Who } from './agent-ports.ts';
import { AgentStore } from './agent-store.ts';
import { type AgentView, viewOf } from './agent-view.ts';
import { ExpiryWatch } from './expiry-watch.ts';
import { fetchRelease } from './fetch-release.ts';
import { becauseOf, everyHeld, heldAfter, withTrackOf } from './held-releases.ts';
import { News } from './news.ts';
import { type FetchPace, ReleaseFiles } from './release-files.ts';
import { hungUp, keepSubscribed } from './release-stream.ts';
import { ReportOutbox } from './reports/report-outbox.ts';
import { Reporter } from './reports/reporter.ts';
import { labelsOf } from './subscribe.ts';
import { isSameAnswer, type Prepared, TrackRotation } from './track-releases.ts';
import { TrustKeeper } from './trust-keeper.ts';

type Latest = Readonly<{ received: ReceivedReleases; labels: Readonly<Record<string, string>> }>;

/** A set that is replaced while its files are fetched is left for the newer one: so often at once, then after a pause. */
const overtakenMax = 8;

/**
 * The part of a client that decides what scores: follows signed metadata, verifies it, fetches what it names, and swaps.
 * Whatever fails, the last good model goes on (I7).
 */
export class RotationAgent {
  readonly #config: AgentConfig;
  readonly #ports: AgentPorts;
  readonly #store: AgentStore;
  readonly #trust: TrustKeeper;
  readonly #reporter: Reporter;
  readonly #expiry: ExpiryWatch;
  readonly #files: ReleaseFiles;
  readonly #tracks: readonly TrackRotation[];
  readonly #news: News;
  readonly #stopping = new AbortController();
  #identity: IdentityOf | undefined;
  #client: ReleasesClient | undefined;
  #latest: Latest | undefined;
  readonly #beat: Beat;
  #attempt = 0;
  #running: Promise<unknown>[] = [];

  private constructor(config: AgentConfig, ports: AgentPorts, store: AgentStore, outbox: ReportOutbox) {
    this.#config = config;
    this.#ports = ports;
    this.#store = store;
    this.#trust = new TrustKeeper(store, ports, config.trustAnchor);
    this.#reporter = new Reporter(outbox, ports, config.times, this.#stopping.signal);
    this.#expiry = new ExpiryWatch(store, {
      timers: ports.timers,
      onExpired: (fault) => this.#news.refused(undefined, fault),
      onEnd: () => this.#beat.wake(),
    });
    this.#beat = new Beat({
      work: () => this.#work(),
      failed: (error) => this.#failed(error),
      timers: ports.timers,
    });
    this.#files = new ReleaseFiles(join(config.folder, 'files'));
    this.#tracks = [...config.hosts].map(([track, host]) => {
      const onShadowEnd = (report: ShadowReport) => this.#reporter.reportShadow(report);
      return new TrackRotation({ track, host, files: this.#files, ports, onShadowEnd });
    });
    this.#news = new News({
      ports,
      reporter: this.#reporter,
      tracks: this.#tracks,
      pinsVersion: () => store.state.trust?.accepted?.pins?.version ?? 0,
      failed: (error) => this.#failed(error),
    });
  }

  /** Reads what an earlier run left; nothing is loaded yet. */
  static async open(config: AgentConfig, ports: AgentPorts): Promise<RotationAgent> {
    const store = await AgentStore.open(config.folder);
    const outbox = await ReportOutbox.open(join(config.folder, 'reports.json'));
    return new RotationAgent(config, ports, store, outbox);
  }

  /** Whether this cluster has ever trusted signed metadata, or was given an anchor to do so. */
  get isAnchored(): boolean {
    return this.#trust.isAnchored;
  }

  /** The version that scores a track; undefined while no verified release does. */
  liveVersion(track: TrackId): number | undefined {
    return this.#tracks.find((one) => one.track === track)?.live?.version;
  }

  /** Runs the last good releases, without the coordinator: the live one, or an earlier one where its files are damaged. */
  async restore(): Promise<void> {
    if (this.#store.fault !== undefined) this.#news.refused(undefined, this.#store.fault);
    this.#expiry.look();
    for (const rotation of this.#tracks) {
      const { federation } = this.#store.state;
      if (federation === null) continue;
      for (const held of everyHeld(this.#store.track(rotation.track))) {
        const restored = await rotation.restore(held.target, federation, this.#pace());
        if (restored.ok) break;
        this.#news.refused(rotation, restored.fault, held.target);
      }
    }
  }

  /** Follows the coordinator from now on. */
  connect(identity: IdentityOf): void {
    this.#identity = identity;
    this.#reporter.speakFor(identity);
    // Trust that does not read back is not replaced by whatever a coordinator presents next.
    if (this.#store.fault !== undefined) return;
    const anchored = this.#trust.anchorFromFile(identity().federation);
    if (!anchored.ok) {
      this.#news.refused(undefined, anchored.fault);
      return;
    }
    this.#running = [this.#follow(identity), this.#reportShadows()];
  }

  view(): AgentView {
    return viewOf(this.#tracks, {
      connected: this.#client !== undefined,
      reportsWaiting: this.#reporter.waiting,
      state: this.#store.state,
      faultOf: (rotation) => this.#news.faultOf(rotation?.track),
      nowMs: this.#ports.timers.now(),
    });
  }

  /** Ends what runs, with a last report on each run in shadow; reports that could not be sent stay on disk. */
  async close(): Promise<void> {
    this.#stopping.abort();
    this.#expiry.stop();
    await this.#beat.stop();
    const who = this.#who();
    if (who !== undefined) for (const rotation of this.#tracks) await rotation.endShadow(who);
    await Promise.all([...this.#running, this.#news.settled()]);
    await this.#reporter.settled();
  }

  async #follow(identity: IdentityOf): Promise<void> {
    await keepSubscribed({
      config: this.#config,
      ports: this.#ports,
      identity,
      tracks: this.#tracks.map(({ track }) => track),
      rootVersion: () => this.#trust.rootVersion,
      isAnchored: () => this.isAnchored,
      signal: this.#stopping.signal,
      onConnected: (client) => {
        this.#client = client;
        this.#reporter.connected(client);
      },
      onDisconnected: () => {
        this.#client = undefined;
        this.#reporter.connected(undefined);
      },
      onMessage: (message, hangUp) => {
        const taken = this.#take(message);
        if (!taken.ok) void this.#reported().then(() => hangUp(hungUp(taken.fault)));
      },
    });
  }

  /** Resolves once what was refused is reported, or cannot be for now: whoever hangs up first could not say why. */
  async #reported(): Promise<void> {
    const settled = this.#news.settled().then(() => this.#reporter.settled());
    await Promise.race([settled, pause(this.#ports.timers, this.#config.times.callTimeoutMs, this.#stopping.signal)]);
  }

  /** Checks what came, at once: nothing that is refused is kept, and an older set cannot follow a newer one. */
  #take(message: SubscribeResponse): Result<unknown, ReleaseFaultCode> {
    const { roots, timestamp, snapshot, catalogue, pins } = message;
    const received = { roots, timestamp, snapshot, catalogue, pins };
    const taken = this.#trust.take(received, (this.#who() as Who).federation);
    if (!taken.ok) this.#news.refused(undefined, taken.fault);
    else if (taken.value !== null) {
      this.#latest = { received, labels: this.#config.labels ?? labelsOf(message) };
      const { expiresAtMs, pins: opened } = taken.value;
      this.#ports.report({ kind: 'checked', expiresAtMs, pinsVersion: opened.version });
    }
    // Also after a refusal: the roots that came with it count.
    this.#beat.wake();
    return taken;
  }

  async #work(): Promise<void> {
    await this.#trust.storeRoots();
    if (this.#latest === undefined) return;
    const done = await this.#rotate();
    if (!this.#stopping.signal.aborted) this.#expiry.look();
    if (done) this.#attempt = 0;
    else this.#retryLater();
  }

  /** A full disk, say: detectors must not go dark for it. */
  #failed(error: unknown): void {
    const why = error instanceof Error ? error.message : String(error);
    this.#news.refused(undefined, refuse('AGENT_FAILED', `${why}; the last good models go on`).fault);
    this.#retryLater();
  }

  #retryLater(): void {
    this.#beat.wakeIn(fullJitterMs(this.#config.times.retry, this.#attempt, this.#ports.unit()));
    this.#attempt += 1;
  }

  /** Check, fetch, check again, persist, swap. False where something is worth another try. */
  async #rotate(): Promise<boolean> {
    for (let overtaken = 0; ; overtaken += 1) {
      const latest = this.#latest as Latest;
      const first = this.#check(latest);
      if (first === undefined) return true;
      const resolved = this.#resolve(first, latest);
      const prepared = new Map<TrackRotation, Prepared>();
      let isComplete = true;
      for (const [rotation, resolution] of resolved) {
        const one = await rotation.prepare(resolution, first.next.federation, this.#client, this.#pace());
        if (one.ok) {
          prepared.set(rotation, one.value);
          if (one.value.shadowFault !== null) isComplete = false;
        } else {
          isComplete = false;
          this.#news.refused(rotation, one.fault, resolution.live);
        }
      }
      if (this.#stopping.signal.aborted) return true;
      // A newer set may have revoked what was just fetched; and time has passed, so a pin or a signature may have ended.
      const second = this.#check(this.#latest as Latest);
      if (second === undefined) {
        for (const [rotation, one] of prepared) await rotation.discard(one);
        return true;
      }
      if (!isSameAnswer(resolved, this.#resolve(second, this.#latest as Latest))) {
        for (const [rotation, one] of prepared) await rotation.discard(one);
        if (overtaken < overtakenMax) continue;
        return false;
      }
      this.#news.mended(undefined);
      const changed = await this.#commit(second, prepared);
      // What is half fetched is still wanted.
      if (isComplete && changed) await this.#prune();
      return isComplete;
    }
  }

  #check({ received }: Latest): ReleaseProposal | undefined {
    const checked = this.#trust.check(received);
    if (checked.ok) return checked.value ?? undefined;
    this.#news.refused(undefined, checked.fault);
    return undefined;
  }

  #resolve({ catalogue, pins }: ReleaseProposal, { labels }: Latest): ReadonlyMap<TrackRotation, Resolution> {
    const who = this.#who();
    const resolved = new Map<TrackRotation, Resolution>();
    if (who === undefined) return resolved;
    for (const rotation of this.#tracks) {
      const member = { cluster: who.cluster, labels };
      const resolution = resolveRelease(member, rotation.track, catalogue, pins, this.#ports.timers.now());
      if (resolution.ok) resolved.set(rotation, resolution.value);
      else this.#news.refused(rotation, resolution.fault);
    }
    return resolved;
  }

  /** One write makes floors and live versions true together; then the pointers move. */
  async #commit(proposal: ReleaseProposal, prepared: ReadonlyMap<TrackRotation, Prepared>): Promise<boolean> {
    let changed = false;
    const who = this.#who() as Who;
    const before = this.#store.state;
    const tracks = { ...before.tracks };
    const { keepReleases: keep } = this.#config;
    for (const [{ track }, { live, resolution }] of prepared) {
      const kept = { nowMs: this.#ports.timers.now(), keep };
      tracks[track] = heldAfter(this.#store.track(track), live.release.target, becauseOf(resolution), kept);
    }
    const { next, expiresAtMs } = proposal;
    await this.#store.save({ federation: next.federation, trust: next, expiresAtMs, tracks });
    this.#ports.report({ kind: 'persisted' });
    for (const [rotation, one] of prepared) {
      const committed = await rotation.commit(one, who);
      if (committed.ok) {
        this.#news.mended(rotation.track);
        changed ||= committed.value.swapped || committed.value.shadowStarted;
        await this.#news.tell(rotation, one, proposal, committed.value);
        if (one.shadowFault?.ok === false) {
          this.#news.refused(rotation, one.shadowFault.fault, one.resolution.shadow?.target);
        }
        continue;
      }
      // What is on disk must be what scores.
      const held = rotation.live?.version === one.live.release.target.version ? tracks : before.tracks;
      const { state } = this.#store;
      await this.#store.save({ ...state, tracks: withTrackOf(state.tracks, rotation.track, held) });
      this.#news.refused(rotation, committed.fault, one.live.release.target);
      this.#retryLater();
    }
    return changed;
  }

  async #reportShadows(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      await pause(this.#ports.timers, this.#config.times.shadowReportMs, signal);
      // Models must not be swapped while both are asked.
      await this.#beat.settled();
      const who = this.#who();
      if (signal.aborted || who === undefined) return;
      for (const rotation of this.#tracks) {
        const report = await rotation.shadowReport(who);
        if (report !== undefined) await this.#reporter.reportShadow(report);
      }
    }
  }

  /** Files that neither run nor are kept for a rollback are removed. */
  async #prune(): Promise<void> {
    const { trust, tracks } = this.#store.state;
    if (trust === null) return;
    const keep = new Set(this.#tracks.flatMap((rotation) => [...rotation.digests]));
    for (const held of Object.values(tracks).flatMap(everyHeld)) {
      keep.add(held.target.manifest.digest);
      const known = await fetchRelease(this.#files, undefined, held.target, trust.federation, this.#pace());
      if (known.ok) for (const { digest } of known.value.manifest.files) keep.add(digest);
    }
    await this.#files.keepOnly(keep);
  }

  #pace(): FetchPace {
    const { stallMs, bytesPerSecondMin } = this.#config.times;
    return { signal: this.#stopping.signal, timers: this.#ports.timers, stallMs, bytesPerSecondMin };
  }

  #who(): Who | undefined {
    if (this.#identity === undefined) return undefined;
    const { federation, cluster } = this.#identity();
    return { federation, cluster };
  }
}
