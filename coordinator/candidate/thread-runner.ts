import { SHARE_ENV } from 'node:worker_threads';
import { type Result, refuse } from '../../base/fault.ts';
import { LastingThread } from '../../base/thread-link.ts';
import type { Timer, Timers } from '../../base/time.ts';
import type { KeyStore } from '../keys/key-store.ts';
import type { ThreadRequest } from './aggregation-thread.ts';
import type { AggregationJob, AggregationResult, AggregationRunner, RunFaultCode, TileJob, TileResult } from './job.ts';
import type { JobPlaces } from './places.ts';

/** V8 would let it grow to 48 MiB before it looks for garbage; what jobs make is large and short-lived. */
const youngMiB = 8;

/** So long the thread keeps what tiles opened for the next one of their round, or for the round itself. */
const keepsOpenedMs = 60_000;

export type ThreadRunnerOptions = Readonly<{
  places: JobPlaces;
  keyStore: KeyStore;
  timers: Timers;
}>;

/**
 * Runs jobs one after another in a thread of this process: started by the first job, kept warm for the next, replaced
 * when it dies. The round's secret key goes into the thread as a copy, which is wiped there.
 */
export class ThreadRunner implements AggregationRunner {
  #keyStore: KeyStore;
  #timers: Timers;
  #forgetting: Timer | undefined;
  #thread: LastingThread<ThreadRequest>;
  #last: Promise<unknown> = Promise.resolve();
  #closed = false;

  constructor({ places, keyStore, timers }: ThreadRunnerOptions) {
    this.#keyStore = keyStore;
    this.#timers = timers;
    this.#thread = new LastingThread(new URL('./aggregation-thread.ts', import.meta.url), {
      workerData: places,
      env: SHARE_ENV, // Failpoints are armed there.
      resourceLimits: { maxYoungGenerationSizeMb: youngMiB },
    });
  }

  run(job: AggregationJob): Promise<Result<AggregationResult, RunFaultCode>> {
    return this.#inTurn(job.keyName, (secretKey) => ({ kind: 'run', job, secretKey }));
  }

  runTile(tile: TileJob): Promise<Result<TileResult, RunFaultCode>> {
    const running = this.#inTurn<TileResult>(tile.job.keyName, (secretKey) => ({ kind: 'tile', tile, secretKey }));
    void running.then(({ ok }) => ok && this.#forgetSoon(running));
    return running;
  }

  prepare(values: number): void {
    if (this.#closed) return;
    this.#tell({ kind: 'prepare', values }); // What cannot be loaded now is loaded, or refused, by the job itself.
  }

  async close(force = false): Promise<void> {
    this.#closed = true;
    this.#timers.cancel(this.#forgetting);
    if (!force) await this.#last;
    await this.#thread.close();
  }

  #inTurn<Value>(
    keyName: string,
    request: (secretKey: Uint8Array) => ThreadRequest,
  ): Promise<Result<Value, RunFaultCode>> {
    const running = this.#last.then(() => this.#runNext<Value>(keyName, request));
    this.#last = running;
    return running;
  }

  /** Unless another job comes. */
  #forgetSoon(job: Promise<unknown>): void {
    this.#timers.cancel(this.#forgetting);
    if (this.#closed || this.#last !== job) return;
    const forget = () => this.#last === job && this.#tell({ kind: 'forget' });
    this.#forgetting = this.#timers.after(keepsOpenedMs, forget, { background: true });
  }

  #tell(request: ThreadRequest): void {
    this.#ask(request).catch(() => {});
  }

  /** The request is copied before this returns. Rejects also where no thread can be started. */
  async #ask<Value>(request: ThreadRequest): Promise<Value> {
    return await this.#thread.live().ask<Value>(request);
  }

  async #runNext<Value>(
    keyName: string,
    request: (secretKey: Uint8Array) => ThreadRequest,
  ): Promise<Result<Value, RunFaultCode>> {
    if (this.#closed)
      return refuse('WORKER_LOST', 'the coordinator is closing; the round goes on after its next start');
    let secretKey: Uint8Array | undefined;
    try {
      secretKey = await this.#keyStore.get(keyName);
    } catch (error) {
      return refuse('BLOB_UNREADABLE', `the key store failed (${(error as Error).message}); it is tried again`);
    }
    if (secretKey === undefined) {
      return refuse('ROUND_KEY_LOST', `the key ${keyName} is not in the key store; its updates cannot be opened`);
    }
    const answered = this.#ask<Result<Value, RunFaultCode>>(request(secretKey));
    secretKey.fill(0);
    try {
      return await answered;
    } catch (error) {
      const why = (error as Error).message;
      return refuse('WORKER_LOST', `the aggregation thread was lost (${why}); it is tried again`);
    }
  }
}
