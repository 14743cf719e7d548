import { SHARE_ENV, Worker } from 'node:worker_threads';
import { type Result, refuse } from '../../base/fault.ts';
import { siblingModule } from '../../base/sibling-module.ts';
import type { KeyStore } from '../keys/key-store.ts';
import type { ThreadAnswer, ThreadRequest } from './aggregation-thread.ts';
import type { AggregationJob, AggregationResult, AggregationRunner, RunFaultCode } from './job.ts';

/** V8 would let it grow to 48 MiB before it looks for garbage; what jobs make is large and short-lived. */
const youngMiB = 8;

type Outcome = Result<AggregationResult, RunFaultCode>;

export type ThreadRunnerOptions = Readonly<{
  dataDir: string;
  keyStore: KeyStore;
  /** Opened deltas may take this much memory; above it they wait in scratch files. Default 64 MiB. */
  memoryBytesMax?: number;
}>;

/**
 * Runs jobs one after another in a thread of this process: started by the first job, kept warm for the next, replaced
 * when it dies. The round's secret key goes into the thread as a copy, which is wiped there.
 */
export class ThreadRunner implements AggregationRunner {
  #options: ThreadRunnerOptions;
  #thread: Worker | undefined;
  #waiting = new Map<number, (outcome: Outcome) => void>();
  #lastId = 0;
  #last: Promise<unknown> = Promise.resolve();
  #closed = false;

  constructor(options: ThreadRunnerOptions) {
    this.#options = options;
  }

  run(job: AggregationJob): Promise<Outcome> {
    const running = this.#last.then(() => this.#runNext(job));
    this.#last = running;
    return running;
  }

  prepare(values: number): void {
    if (this.#closed) return;
    this.#thread ??= this.#start();
    this.#thread.postMessage({ prepare: values } satisfies ThreadRequest);
  }

  async close(force = false): Promise<void> {
    this.#closed = true;
    if (!force) await this.#last;
    const thread = this.#thread;
    this.#thread = undefined;
    await thread?.terminate();
  }

  async #runNext(job: AggregationJob): Promise<Outcome> {
    if (this.#closed)
      return refuse('WORKER_LOST', 'the coordinator is closing; the round goes on after its next start');
    let secretKey: Uint8Array | undefined;
    try {
      secretKey = await this.#options.keyStore.get(job.keyName);
    } catch (error) {
      return refuse('BLOB_UNREADABLE', `the key store failed (${(error as Error).message}); it is tried again`);
    }
    if (secretKey === undefined) {
      return refuse('ROUND_KEY_LOST', `the key ${job.keyName} is not in the key store; its updates cannot be opened`);
    }
    this.#thread ??= this.#start();
    const thread = this.#thread;
    const id = ++this.#lastId;
    const { promise, resolve } = Promise.withResolvers<Outcome>();
    this.#waiting.set(id, resolve);
    thread.ref();
    thread.postMessage({ id, job, secretKey } satisfies ThreadRequest);
    secretKey.fill(0);
    const outcome = await promise;
    thread.unref();
    return outcome;
  }

  #start(): Worker {
    const { dataDir, memoryBytesMax } = this.#options;
    const thread = new Worker(siblingModule(import.meta.url, 'aggregation-thread'), {
      workerData: { dataDir, ...(memoryBytesMax !== undefined && { memoryBytesMax }) },
      env: SHARE_ENV, // Failpoints are armed there.
      resourceLimits: { maxYoungGenerationSizeMb: youngMiB },
    });
    thread.unref(); // Only a job in hand keeps the process alive.
    thread.on('message', (answer: ThreadAnswer) => {
      this.#waiting.get(answer.id)?.(answer.result);
      this.#waiting.delete(answer.id);
    });
    thread.on('error', (error) => this.#lose(thread, error.message));
    thread.on('exit', () => this.#lose(thread, 'it has ended'));
    return thread;
  }

  #lose(thread: Worker, why: string): void {
    if (this.#thread === thread) this.#thread = undefined;
    for (const resolve of this.#waiting.values()) {
      resolve(refuse('WORKER_LOST', `the aggregation thread was lost (${why}); it is tried again`));
    }
    this.#waiting.clear();
  }
}
