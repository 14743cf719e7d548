import { ok, type Refused, type Result } from '../../base/fault.ts';
import type { ReleasesClient } from '../../proto/generated/testudo/v1/releases.ts';
import type { Digest, FederationId, TrackId } from '../../proto/ids.ts';
import type { ReleaseTarget } from '../../proto/release/documents/catalogue.ts';
import type { Resolution } from '../../proto/release/resolve.ts';
import type { ShadowReport } from '../../proto/release/shadow-report.ts';
import type { ModelName } from '../scoring/score-protocol.ts';
import type { AgentPorts, Who } from './agent-ports.ts';
import { digestsOf, type FetchedRelease, type FetchReleaseFaultCode, fetchRelease } from './fetch-release.ts';
import { isSameTarget } from './held-releases.ts';
import type { HostFaultCode, ModelHost } from './hosts/model-host.ts';
import { ShadowRun } from './hosts/shadow-run.ts';
import type { FetchPace, ReleaseFiles } from './release-files.ts';

type LoadFaultCode = FetchReleaseFaultCode | HostFaultCode;
type Loaded = Readonly<{ release: FetchedRelease; name: ModelName }>;

/** What a resolution needs, loaded beside what runs. */
export type Prepared = Readonly<{
  resolution: Resolution;
  live: Loaded;
  shadow: Loaded | null;
  /** Why the shadow could not be prepared; the live version does not wait for it. */
  shadowFault: Refused<LoadFaultCode> | null;
}>;

/** What a commit changed. */
export type Committed = Readonly<{ swapped: boolean; before: number | null; shadowStarted: boolean }>;

export type TrackParts = Readonly<{
  track: TrackId;
  host: ModelHost;
  files: ReleaseFiles;
  ports: AgentPorts;
  /** The signed report on a shadow run that ends. */
  onShadowEnd(report: ShadowReport): Promise<void>;
}>;

/** One track's models: what is live, what runs beside it, and the way from one to the next. */
export class TrackRotation {
  readonly track: TrackId;
  readonly #parts: TrackParts;
  #live: Loaded | undefined;
  #shadow: { loaded: Loaded; run: ShadowRun } | undefined;

  constructor(parts: TrackParts) {
    this.track = parts.track;
    this.#parts = parts;
  }

  get live(): ReleaseTarget | undefined {
    return this.#live?.release.target;
  }

  get shadow(): ReleaseTarget | undefined {
    return this.#shadow?.loaded.release.target;
  }

  /** Digests of the files behind what is loaded. */
  get digests(): readonly Digest[] {
    return [this.#live, this.#shadow?.loaded].flatMap((one) => (one === undefined ? [] : digestsOf(one.release)));
  }

  /** Runs a release whose files are on this machine, at start. */
  async restore(
    target: ReleaseTarget,
    federation: FederationId,
    pace: FetchPace,
  ): Promise<Result<undefined, LoadFaultCode>> {
    const loaded = await this.#load(target, federation, undefined, pace);
    if (!loaded.ok) return loaded;
    const swapped = await this.#parts.host.swap(loaded.value.name);
    if (!swapped.ok) return swapped;
    this.#live = loaded.value;
    this.#parts.ports.report({ kind: 'restored', track: this.track, version: target.version });
    return ok(undefined);
  }

  /** Fetches, verifies, loads and warms what the resolution asks for. What runs goes on running. */
  async prepare(
    resolution: Resolution,
    federation: FederationId,
    client: ReleasesClient | undefined,
    pace: FetchPace,
  ): Promise<Result<Prepared, LoadFaultCode>> {
    const live = await this.#load(resolution.live, federation, client, pace);
    if (!live.ok) return live;
    const shadow =
      resolution.shadow === null ? null : await this.#load(resolution.shadow.target, federation, client, pace);
    return ok({
      resolution,
      live: live.value,
      shadow: shadow?.ok ? shadow.value : null,
      shadowFault: shadow?.ok === false ? shadow : null,
    });
  }

  /** Whether a commit would change what is live. */
  swaps({ live }: Prepared): boolean {
    return live.name !== this.#live?.name;
  }

  /** Swaps to what was prepared. Where that fails, what was live stays. */
  async commit({ live, shadow }: Prepared, who: Who): Promise<Result<Committed, HostFaultCode>> {
    const { host, ports } = this.#parts;
    const before = this.#live;
    const isSameRun =
      this.#shadow !== undefined && this.#shadow.loaded.name === shadow?.name && before?.name === live.name;
    if (!isSameRun) await this.endShadow(who, live.name);
    if (before?.name !== live.name) {
      const swapped = await host.swap(live.name);
      if (!swapped.ok) return swapped;
      this.#live = live;
    }
    let shadowStarted = false;
    if (shadow !== null && !isSameRun) {
      const run = new ShadowRun(shadow.release.target.version, live.release.target.version, ports.timers.now());
      // Loaded again where the swap closed it: the version that was live may run in shadow after a rollback.
      const loaded = await host.load(shadow.release.model);
      const started = loaded.ok ? await host.shadow(shadow.name, (seen) => run.observe(seen)) : loaded;
      if (!started.ok) return started;
      this.#shadow = { loaded: shadow, run };
      shadowStarted = true;
    }
    return ok({
      swapped: before?.name !== live.name,
      before: before?.release.target.version ?? null,
      shadowStarted,
    });
  }

  /** Forgets what was prepared and is not wanted after all. */
  async discard({ live, shadow }: Prepared): Promise<void> {
    for (const one of [live, shadow]) {
      const isRunning = one === null || one.name === this.#live?.name || one.name === this.#shadow?.loaded.name;
      if (!isRunning) await this.#parts.host.drop(one.name);
    }
  }

  /** The report on the run in shadow so far; undefined without one, or when its models cannot be asked. */
  async shadowReport(who: Who): Promise<ShadowReport | undefined> {
    if (this.#shadow === undefined || this.#live === undefined) return undefined;
    const { host, ports } = this.#parts;
    const { loaded, run } = this.#shadow;
    const shadow = await host.judgeKnown(loaded.name);
    const live = await host.judgeKnown(this.#live.name);
    if (!shadow.ok || !live.ok) return undefined;
    return run.report({ ...who, track: this.track }, { shadow: shadow.value, live: live.value }, ports.timers.now());
  }

  /** Reports on the run in shadow for the last time, and ends it. The model that is to be live next stays loaded. */
  async endShadow(who: Who, next?: ModelName): Promise<void> {
    if (this.#shadow === undefined) return;
    const report = await this.shadowReport(who);
    const { loaded, run } = this.#shadow;
    const { version } = run;
    this.#shadow = undefined;
    this.#parts.ports.report({ kind: 'shadowEnded', track: this.track, version });
    if (report !== undefined) await this.#parts.onShadowEnd(report);
    if (loaded.name !== next) await this.#parts.host.shadow(undefined);
  }

  async #load(
    target: ReleaseTarget,
    federation: FederationId,
    client: ReleasesClient | undefined,
    pace: FetchPace,
  ): Promise<Result<Loaded, LoadFaultCode>> {
    const running = [this.#live, this.#shadow?.loaded].find((one) => isSameTarget(one?.release.target, target));
    if (running !== undefined) return ok(running);
    const { host, files, ports } = this.#parts;
    const startedMs = ports.timers.monotonicMs();
    const release = await fetchRelease(files, client, target, federation, pace);
    if (!release.ok) return release;
    const { version } = target;
    const fetchedMs = ports.timers.monotonicMs();
    ports.report({ kind: 'fetched', track: this.track, version, milliseconds: fetchedMs - startedMs });
    const name = await host.load(release.value.model);
    if (!name.ok) return name;
    ports.report({ kind: 'loaded', track: this.track, version, milliseconds: ports.timers.monotonicMs() - fetchedMs });
    return ok({ release: release.value, name: name.value });
  }
}

/** Whether a newer set says the same of every track as the one that files were fetched for. */
export function isSameAnswer(
  a: ReadonlyMap<TrackRotation, Resolution>,
  b: ReadonlyMap<TrackRotation, Resolution>,
): boolean {
  const said = (map: ReadonlyMap<TrackRotation, Resolution>) =>
    JSON.stringify([...map].map(([rotation, { live, shadow, because }]) => [rotation.track, live, shadow, because]));
  return said(a) === said(b);
}
