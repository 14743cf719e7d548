import { type Job, Queue } from 'bullmq';
import { type Result, refuse } from '../../../base/fault.ts';
import type { Timers } from '../../../base/time.ts';
import type { Digest, FederationId } from '../../../proto/ids.ts';
import type {
  AggregationJob,
  AggregationResult,
  AggregationRunner,
  RunFaultCode,
  TileJob,
  TileResult,
} from '../../candidate/job.ts';
import { defaultGrid, type TileGrid, tilesOfJob } from '../../candidate/tiles/grid.ts';
import { type Authenticated, authenticate, authenticated } from './authenticated.ts';
import { quietly } from './quietly.ts';
import type { RedisLink } from './redis-link.ts';

type Outcome = Result<AggregationResult, RunFaultCode>;
/** What is asked of a worker: its name in the queue is what it is, its id the job's or the tile's. */
type Asked = Readonly<{ kind: 'job'; id: string; body: AggregationJob } | { kind: 'tile'; id: string; body: TileJob }>;
type Seen<Value> = Result<Value, RunFaultCode> | 'waiting' | 'worked on' | 'forged';

export type RedisRunnerOptions = Readonly<{
  link: RedisLink;
  federation: FederationId;
  /** Runs a job here when nobody takes it: Redis is gone or full, or no worker lives. The result is the same. */
  fallback: AggregationRunner;
  /** How long a job may wait for a worker before the fallback takes it; Infinity: for ever. Default 10 s. */
  fallbackAfterMs?: number;
  /** Authenticates jobs and outcomes. */
  queueKey: Uint8Array;
  /** How distances of rounds of many updates are computed apart. */
  grid?: TileGrid;
  /** Told of blobs that nobody needs any more: tiles, once their round has its outcome. */
  discard?: (blobs: readonly Digest[]) => void;
  timers: Timers;
  trouble: (code: string, message: string) => void;
}>;

/** What was last seen of a job, and how many looks at its state alone have followed one at the whole of it. */
type Look = { state: string; light: number };

/** A job of thousands of updates is megabytes: while nothing changes, the whole of it is fetched at every so manieth look. */
const lightLooksMax = 8;

const pollMsMin = 20;
const pollMsMax = 1_000;
const resultsKeptSeconds = 3_600;

export function aggregationQueue(federation: FederationId): string {
  return `testudo.${federation}.aggregate`;
}

/** The lists of Redis in which BullMQ keeps what waits for a worker and what one works on: who scales workers looks at both. */
export function aggregationLists(federation: FederationId): Readonly<{ waiting: string; active: string }> {
  const queue = `bull:${aggregationQueue(federation)}`;
  return { waiting: `${queue}:wait`, active: `${queue}:active` };
}

/** Of the job that asks whoever takes it to load what a round that collects will need. One at a time is enough. */
const warmId = 'warm';

/**
 * Runs jobs on whichever `testudo worker` takes them. Asks for the state of the job again and again rather than
 * listening: events are lost in an outage, a state is not. A job that vanished with Redis is added again: its id is the
 * round's, and doing it twice gives the same bytes. Redis is believed nothing: a job that is no longer what was added, or an
 * outcome that no worker of ours authenticated for this very job, is removed, and the fallback runs the job here.
 */
export class RedisRunner implements AggregationRunner {
  #options: Required<RedisRunnerOptions>;
  #queue: Queue;
  #running = new Set<Promise<Outcome>>();
  #closing = new AbortController();

  constructor(options: RedisRunnerOptions) {
    this.#options = { fallbackAfterMs: 10_000, grid: defaultGrid, discard: () => {}, ...options };
    this.#queue = quietly(new Queue(aggregationQueue(options.federation), { connection: options.link.producer }));
  }

  run(job: AggregationJob, signal?: AbortSignal): Promise<Outcome> {
    const running = this.#runTiled(job, signal).finally(() => this.#running.delete(running));
    this.#running.add(running);
    return running;
  }

  /**
   * Leaves a job that makes a worker load what it needs: one that runs already is warm when the round closes, and where there is
   * none it is what those who scale workers see, minutes before there is anything to compute. Lost with Redis, and not missed.
   */
  prepare(values: number): void {
    const { link, queueKey } = this.#options;
    if (this.#closing.signal.aborted || !link.isUp) return;
    const sent = authenticate(queueKey, { kind: 'warm' }, { values });
    void link.ask(() => this.#queue.add('warm', sent, { jobId: warmId, removeOnComplete: true, removeOnFail: true }));
  }

  async workerCount(): Promise<number | null> {
    const { link } = this.#options;
    return (link.isUp ? await link.ask(() => this.#queue.getWorkersCount()) : undefined) ?? null;
  }

  async close(force = false): Promise<void> {
    this.#closing.abort();
    await Promise.allSettled(this.#running);
    await this.#options.fallback.close(force);
    await this.#queue.close().catch(() => {});
  }

  /** Where the job is of many updates, the distances between them first, by as many workers as there are. */
  async #runTiled(job: AggregationJob, signal?: AbortSignal): Promise<Outcome> {
    const { fallback, grid, discard } = this.#options;
    const parts = tilesOfJob(job, grid);
    const failed = new AbortController(); // One tile that nobody takes is enough: then the job computes all of them.
    const stop = AbortSignal.any([failed.signal, ...(signal === undefined ? [] : [signal])]);
    const tiles = await Promise.all(
      parts.map(async (tile) => {
        const done = await this.#ask<TileResult>({ kind: 'tile', id: tile.job.id, body: tile }, stop);
        if (done === undefined || !done.ok) failed.abort();
        return done;
      }),
    );
    const digests = tiles.flatMap((tile) => (tile?.ok ? [tile.value.tile] : []));
    const isWhole = parts.length > 0 && digests.length === parts.length;
    const whole = isWhole ? { ...job, tiles: { rows: grid.rows, digests } } : job;
    const outcome = await this.#ask<AggregationResult>({ kind: 'job', id: job.id, body: whole }, signal);
    const ended = outcome ?? (await fallback.run(whole, signal));
    if (ended.ok || ended.fault.code === 'AGGREGATION_REFUSED') discard(digests);
    return ended;
  }

  /** What a worker gives; undefined where none takes it in time, or somebody meddled with it: then it is for the fallback. */
  async #ask<Value>(asked: Asked, signal?: AbortSignal): Promise<Result<Value, RunFaultCode> | undefined> {
    const { link, fallbackAfterMs, queueKey, timers, trouble } = this.#options;
    const sent = authenticate(queueKey, { kind: asked.kind }, asked.body);
    const last: Look = { state: 'unknown', light: 0 };
    let waitingSinceMs: number | undefined;
    for (let pollMs = pollMsMin; ; pollMs = Math.min(2 * pollMs, pollMsMax)) {
      if (this.#closing.signal.aborted || signal?.aborted) {
        return refuse('WORKER_LOST', 'nobody waits for this aggregation any more');
      }
      const seen = link.isUp ? await link.ask(() => this.#look<Value>(asked, sent, last)) : undefined;
      if (seen === 'forged') {
        trouble('JOB_FORGED', `${asked.id} was changed in the queue, and runs here; look at who can write to Redis`);
        return undefined;
      }
      if (seen !== undefined && typeof seen === 'object') return seen;
      if (seen === 'worked on') waitingSinceMs = undefined;
      else waitingSinceMs ??= timers.monotonicMs();
      if (waitingSinceMs !== undefined && timers.monotonicMs() - waitingSinceMs >= fallbackAfterMs) {
        return undefined;
      }
      await this.#pause(pollMs, signal);
    }
  }

  /** The outcome when there is one; otherwise whether somebody works on it. Adds the job when it is not there. */
  async #look<Value>({ kind, id }: Omit<Asked, 'body'>, sent: Authenticated, last: Look): Promise<Seen<Value>> {
    const { queueKey, link } = this.#options;
    const state = await this.#queue.getJobState(id);
    const isLight = state === last.state && last.light < lightLooksMax;
    last.light = isLight ? last.light + 1 : 0;
    last.state = state;
    if (state === 'unknown') {
      await this.#queue.add(kind === 'job' ? 'aggregate' : kind, sent, {
        jobId: id,
        removeOnComplete: { age: resultsKeptSeconds },
        removeOnFail: true, // What failed is added again, until the round's deadline.
      });
      return 'waiting';
    }
    if (!isLight || state === 'completed') {
      const known = await this.#queue.getJob(id);
      if (known === undefined) return 'waiting';
      const found = known.data as Partial<Authenticated> | null;
      if (found?.mac !== sent.mac || found.body !== sent.body) return this.#remove(known);
      if (state === 'completed') {
        const outcome = authenticated(queueKey, { kind: 'outcome', ofJob: sent.mac }, known.returnvalue);
        return outcome === undefined ? this.#remove(known) : (outcome as Result<Value, RunFaultCode>);
      }
    }
    if (state !== 'active') return 'waiting';
    const isHeld = await link.exists(this.#queue.toKey(`${id}:lock`));
    return isHeld ? 'worked on' : 'waiting'; // Its worker died; another one, or the fallback, goes on.
  }

  /** Somebody else's: nothing of it is used. It may be held by a worker; then its end removes it. */
  async #remove(job: Job): Promise<'forged'> {
    await job.remove().catch(() => {});
    return 'forged';
  }

  #pause(ms: number, signal?: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const done = () => resolve();
    const timer = this.#options.timers.after(ms, done);
    const signals = [this.#closing.signal, ...(signal === undefined ? [] : [signal])];
    for (const each of signals) each.addEventListener('abort', done, { once: true });
    return promise.finally(() => {
      this.#options.timers.cancel(timer);
      for (const each of signals) each.removeEventListener('abort', done);
    });
  }
}
