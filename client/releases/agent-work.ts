import type { Result } from '../../base/fault.ts';
import type { Digest, TrackId } from '../../proto/ids.ts';
import type { ShadowReport } from '../../proto/release/shadow-report.ts';
import type { AgentPorts } from './agent-ports.ts';
import type { AgentStore } from './agent-store.ts';
import type { Answer, Work } from './decide/effects.ts';
import { type FetchReleaseOptions, fetchManifest, fetchRelease } from './fetch-release.ts';
import type { ModelHost } from './hosts/model-host.ts';
import { ShadowRun } from './hosts/shadow-run.ts';
import type { FetchCalls, ReleaseFiles } from './release-files.ts';
import type { Reporter } from './reports/reporter.ts';

export type AgentWorkParts = Readonly<{
  hosts: ReadonlyMap<TrackId, ModelHost>;
  files: ReleaseFiles;
  store: AgentStore;
  reporter: Reporter;
  ports: AgentPorts;
  fetching: Omit<FetchReleaseOptions, 'antibodyPins'>;
  /** Without one only what is on this machine counts. */
  calls: () => FetchCalls | undefined;
}>;

type Of<Kind extends Work['kind']> = Extract<Work, { kind: Kind }>;

/** Performs what the agent waits for: files, models, disk. One piece of work at a time. */
export class AgentWork {
  readonly #parts: AgentWorkParts;
  /** What the runs in shadow have seen so far. */
  readonly #runs = new Map<TrackId, ShadowRun>();

  constructor(parts: AgentWorkParts) {
    this.#parts = parts;
  }

  /** Throws nothing: what went wrong unexpectedly is an answer too. */
  async perform(work: Work): Promise<Answer> {
    try {
      return await this.#perform(work);
    } catch (error) {
      return { kind: 'threw', why: error instanceof Error ? error.message : String(error) };
    }
  }

  async #perform(work: Work): Promise<Answer> {
    switch (work.kind) {
      case 'persist':
        await this.#parts.store.save(work.state);
        return { kind: 'persisted' };
      case 'fetch': {
        const { files, calls, fetching } = this.#parts;
        const { target, federation, antibodyPins } = work;
        const how = { ...fetching, antibodyPins };
        const timed = await this.#timed(fetchRelease(files, calls(), target, federation, how));
        return { kind: 'fetched', ...timed };
      }
      case 'load':
        return { kind: 'loaded', ...(await this.#timed(this.#host(work).load(work.release.model))) };
      case 'swap':
        return { kind: 'swapped', result: await this.#host(work).swap(work.to.name) };
      case 'startShadow':
        return await this.#startShadow(work);
      case 'endShadow':
        return await this.#endShadow(work);
      case 'reportShadow': {
        const report = await this.#shadowReport(work);
        if (report !== undefined) await this.#parts.reporter.reportShadow(report);
        return { kind: 'shadowReported' };
      }
      case 'drop':
        await this.#host(work).drop(work.name);
        return { kind: 'dropped' };
      case 'prune':
        return await this.#prune(work);
    }
  }

  async #startShadow({ track, shadow, live }: Of<'startShadow'>): Promise<Answer> {
    const host = this.#host({ track });
    const { target, model } = shadow.release;
    const run = new ShadowRun(target.version, live.release.target.version, this.#parts.ports.timers.now());
    // Loaded again where the swap closed it: the version that was live may run in shadow after a rollback.
    const loaded = await host.load(model);
    const result = loaded.ok ? await host.shadow(shadow.name, (seen) => run.observe(seen)) : loaded;
    if (result.ok) this.#runs.set(track, run);
    return { kind: 'shadowStarted', result };
  }

  async #endShadow(work: Of<'endShadow'>): Promise<Answer> {
    const report = await this.#shadowReport(work);
    this.#runs.delete(work.track);
    if (report !== undefined) await this.#parts.reporter.reportShadow(report);
    if (work.shadow.name !== work.next) await this.#host(work).shadow(undefined);
    return { kind: 'shadowEnded' };
  }

  /** The report on a run so far; undefined when its models cannot be asked. */
  async #shadowReport(work: Of<'reportShadow'> | Of<'endShadow'>): Promise<ShadowReport | undefined> {
    const { track, who } = work;
    const host = this.#host(work);
    const run = this.#runs.get(track);
    const shadow = await host.judgeKnown(work.shadow.name);
    const live = await host.judgeKnown(work.live.name);
    if (run === undefined || !shadow.ok || !live.ok) return undefined;
    return run.report({ ...who, track }, { shadow: shadow.value, live: live.value }, this.#parts.ports.timers.now());
  }

  async #prune({ digests, held, federation }: Of<'prune'>): Promise<Answer> {
    const { files, fetching } = this.#parts;
    const keep = new Set<Digest>(digests);
    for (const target of held) {
      keep.add(target.manifest.digest);
      const known = await fetchManifest(files, undefined, target, federation, fetching);
      if (known.ok) for (const { digest } of known.value.files) keep.add(digest);
    }
    await files.keepOnly(keep);
    return { kind: 'pruned' };
  }

  async #timed<Value, Code extends string>(
    work: Promise<Result<Value, Code>>,
  ): Promise<Readonly<{ result: Result<Value, Code>; milliseconds: number }>> {
    const { monotonicMs } = this.#parts.ports.timers;
    const startedMs = monotonicMs();
    const result = await work;
    return { result, milliseconds: monotonicMs() - startedMs };
  }

  #host({ track }: Readonly<{ track: TrackId }>): ModelHost {
    return this.#parts.hosts.get(track) as ModelHost;
  }
}
