import { type Backoff, fullJitterMs } from '../../base/backoff.ts';
import { type Fault, ok, type Result, refuse } from '../../base/fault.ts';
import type { Timers } from '../../base/time.ts';
import type { KubeEndpoint } from './endpoint.ts';
import { linesOf } from './lines-of.ts';
import { getJson, type KubeFaultCode, openLines, refusalOf } from './request.ts';
import type { ServerReadiness } from './server-readiness.ts';

export type ReflectorPorts<Item> = Readonly<{
  endpoint: KubeEndpoint;
  /** Of that endpoint, one for all who watch through it. */
  readiness: ServerReadiness;
  timers: Timers;
  /** Uniform in [0, 1): spreads clients over time. */
  unit(): number;
  /** What is kept of an object; undefined for one that is not understood. */
  project(object: unknown): Item | undefined;
  /** Everything there is: whatever is not in it is gone. */
  onAll(items: readonly Item[]): void;
  onPut(item: Item): void;
  onGone(item: Item): void;
  /** A list or a watch ended, with why unless the server meant it to. It goes on by itself. */
  onEnded(fault: Fault<KubeFaultCode> | undefined): void;
  /** A watch is open: from here on what changes is told. */
  onResumed?(): void;
}>;

/** Such as "/api/v1/pods". No selector may be on what can change: an object that leaves it is reported as gone. */
type Collection = Readonly<{ path: string; fieldSelector?: string | undefined }>;

/** Objects in one page of a list: what is not kept of them is let go page by page. */
const pageSize = 500;
const pagesMax = 1_000;
/** The server ends a watch after a time between these, so that thousands of clients do not come back at once. */
const watchSeconds = { min: 300, max: 600 } as const;
/** Bookmarks come each minute: a watch that says nothing for so long is dead, whatever TCP believes. */
const silenceMsMax = 90_000;
const backoff: Backoff = { firstMs: 500, maxMs: 30_000 };

/**
 * Keeps a view of a collection: lists it once, then watches it from there, and goes on from the last known version whatever
 * a watch ends with. It lists again only when that version is gone. It ends when it is stopped, and for nothing else.
 */
export class Reflector<Item> {
  /** Resolves with the first whole list. */
  readonly synced: Promise<void>;
  readonly #of: Collection;
  readonly #ports: ReflectorPorts<Item>;
  readonly #stopping = new AbortController();
  readonly #running: Promise<void>;
  #setSynced: () => void = () => undefined;

  constructor(of: Collection, ports: ReflectorPorts<Item>) {
    this.#of = of;
    this.#ports = ports;
    this.synced = new Promise((resolve) => {
      this.#setSynced = resolve;
    });
    this.#running = this.#run();
  }

  /** Nothing is reported once this has resolved. May be called twice. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { readiness, unit, onEnded } = this.#ports;
    const { signal } = this.#stopping;
    let version: string | undefined;
    /** Versions that were gone, one after the other. */
    let gone = 0;
    for (let failures = 0; !signal.aborted; ) {
      let fault: Fault<KubeFaultCode> | undefined;
      if (version === undefined) {
        const listed = await this.#list();
        if (signal.aborted) return;
        if (listed.ok) {
          version = listed.value;
          failures = 0;
          readiness.answered();
          this.#setSynced();
          continue;
        }
        fault = listed.fault;
        onEnded(fault);
      } else {
        const watch: Watch = await this.#watch(version);
        if (signal.aborted) return;
        fault = watch.fault;
        onEnded(fault);
        const isGone = fault?.code === 'KUBE_GONE';
        version = isGone ? undefined : watch.version;
        if (watch.hasMoved) failures = gone = 0;
        if (watch.hasMoved && fault === undefined) continue;
        // A list is what the server asks for then, and at once; one that says so of each version that it lists is waited for.
        if (isGone && ++gone === 1) continue;
        if (isGone) failures = gone - 2;
      }
      const isAway = fault?.code === 'KUBE_UNREACHABLE';
      const isBack = await readiness.pause(fullJitterMs(backoff, failures, unit()), isAway, signal);
      failures = isBack ? 0 : failures + 1;
    }
  }

  #at(query: Readonly<Record<string, string>>): string {
    const { path, fieldSelector } = this.#of;
    return `${path}?${new URLSearchParams({ ...query, ...(fieldSelector === undefined ? {} : { fieldSelector }) })}`;
  }

  /** Every page; the version to watch from. */
  async #list(): Promise<Result<string, KubeFaultCode>> {
    const { endpoint, timers, project, onAll } = this.#ports;
    const { signal } = this.#stopping;
    const items: Item[] = [];
    let token = '';
    for (let page = 0; page < pagesMax; page += 1) {
      const got = await getJson(
        { endpoint, timers, signal },
        this.#at({ limit: String(pageSize), ...(token === '' ? {} : { continue: token }) }),
      );
      if (!got.ok) return got;
      const { metadata, items: objects } = got.value as { metadata?: Metadata; items?: unknown };
      if (!Array.isArray(objects) || typeof metadata?.resourceVersion !== 'string') {
        return refuse('KUBE_ANSWER_INVALID', `${this.#of.path}: no list`);
      }
      for (const object of objects) {
        const item = project(object);
        if (item !== undefined) items.push(item);
      }
      token = metadata.continue ?? '';
      if (token !== '') continue;
      if (!signal.aborted) onAll(items);
      return ok(metadata.resourceVersion);
    }
    return refuse('KUBE_ANSWER_INVALID', `${this.#of.path}: a list of more than ${pagesMax} pages`);
  }

  async #watch(from: string): Promise<Watch> {
    const { endpoint, timers, unit } = this.#ports;
    const { signal } = this.#stopping;
    const seconds = Math.round(watchSeconds.min + unit() * (watchSeconds.max - watchSeconds.min));
    const path = this.#at({
      watch: 'true',
      allowWatchBookmarks: 'true',
      resourceVersion: from,
      timeoutSeconds: String(seconds),
    });
    const opened = await openLines({ endpoint, timers, signal }, path);
    if (!opened.ok) return { version: from, hasMoved: false, fault: opened.fault };
    this.#ports.readiness.answered();
    this.#ports.onResumed?.();
    const response = opened.value;
    const watch: { version: string; hasMoved: boolean } = { version: from, hasMoved: false };
    const silent = () => response.destroy(new Error(`nothing for ${silenceMsMax / 1_000} s`));
    let silence = timers.after(silenceMsMax, silent, { background: true });
    try {
      for await (const line of linesOf(response)) {
        timers.cancel(silence);
        silence = timers.after(silenceMsMax, silent, { background: true });
        const heard = this.#hear(line);
        if (!heard.ok) return { ...watch, fault: heard.fault };
        watch.version = heard.value;
        watch.hasMoved = true;
      }
      return { ...watch, fault: undefined };
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      const fault = { code: 'KUBE_UNREACHABLE', message: `the watch broke off (${code ?? message})` } as const;
      return { ...watch, fault };
    } finally {
      timers.cancel(silence);
      response.destroy();
    }
  }

  /** One event; the version that it brings. */
  #hear(line: string): Result<string, KubeFaultCode> {
    const { project, onPut, onGone } = this.#ports;
    const { type, object } = (parsed(line) ?? {}) as { type?: string; object?: { metadata?: Metadata } };
    if (type === 'ERROR')
      return refusalOf(200, object, this.#of.path) ?? refuse('KUBE_REFUSED', `${this.#of.path}: an error`);
    const version = object?.metadata?.resourceVersion;
    if (typeof version !== 'string')
      return refuse('KUBE_ANSWER_INVALID', `${this.#of.path}: an event without a version`);
    if (this.#stopping.signal.aborted || type === 'BOOKMARK') return ok(version);
    const item = project(object);
    if (item === undefined) return ok(version); // Not understood, and no reason to hear of nothing else.
    if (type === 'DELETED') onGone(item);
    else onPut(item);
    return ok(version);
  }
}

type Metadata = Readonly<{ resourceVersion?: string; continue?: string }>;
type Watch = Readonly<{ version: string; hasMoved: boolean; fault: Fault<KubeFaultCode> | undefined }>;

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
