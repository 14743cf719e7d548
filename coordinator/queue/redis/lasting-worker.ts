import { type Job, Worker, type WorkerOptions } from 'bullmq';
import { quietly } from './quietly.ts';
import type { RedisLink } from './redis-link.ts';

/**
 * A BullMQ worker that is made anew whenever Redis returns from an outage: the old one may never hear of a job again. A job that it has
 * in hand it brings to its end.
 */
export class LastingWorker {
  #name: string;
  #link: RedisLink;
  #process: (job: Job) => Promise<unknown>;
  #options: Omit<WorkerOptions, 'connection'>;
  #worker: Worker;
  /** Aborted: the worker's connections give up. */
  #leaving = new AbortController();
  /** Jobs in hand. */
  #running = new Set<Promise<unknown>>();
  /** Those before it that still have a job in hand. */
  readonly #left = new Set<Promise<void>>();
  #isClosed = false;
  #unlisten: () => void;

  constructor(
    name: string,
    link: RedisLink,
    process: (job: Job) => Promise<unknown>,
    options: Omit<WorkerOptions, 'connection'> = {},
  ) {
    this.#name = name;
    this.#link = link;
    this.#process = process;
    this.#options = options;
    this.#worker = this.#make();
    this.#unlisten = link.onReturn(() => this.#renew());
  }

  /** Waits for jobs in hand, unless `force`. */
  async close(force = false): Promise<void> {
    this.#unlisten();
    this.#isClosed = true;
    const isForced = force || !this.#link.isUp;
    if (isForced) this.#leaving.abort();
    else await Promise.allSettled(this.#left);
    await this.#worker.close(isForced).catch(() => {});
  }

  #renew(): void {
    const [deaf, leaving, running] = [this.#worker, this.#leaving, this.#running];
    this.#leaving = new AbortController();
    this.#running = new Set();
    this.#worker = this.#make();
    const left = this.#leave(deaf, leaving, running).finally(() => this.#left.delete(left));
    this.#left.add(left);
  }

  /** Its connections may have found Redis before the link did, and a job there: it ends that, and takes no other. */
  async #leave(worker: Worker, leaving: AbortController, running: ReadonlySet<Promise<unknown>>): Promise<void> {
    if (running.size > 0) {
      const closed = worker.close().catch(() => {});
      await Promise.allSettled(running);
      await this.#link.isInTime(closed);
    }
    leaving.abort();
    void worker.close(true).catch(() => {}); // Not waited for: it may hang on the connection it lost.
  }

  #make(): Worker {
    const running = this.#running;
    const process = (job: Job) => {
      const ended = this.#process(job).finally(() => running.delete(ended));
      running.add(ended);
      return ended;
    };
    const connection = this.#link.consumer(this.#leaving.signal);
    const worker = quietly(new Worker(this.#name, process, { ...this.#options, connection }));
    void this.#see(worker, this.#leaving.signal);
    return worker;
  }

  /** One that hangs at what was the primary, since a Sentinel had not heard of the next one yet, is made anew. */
  async #see(worker: Worker, left: AbortSignal): Promise<void> {
    const isReady = await this.#link.isInTime(worker.waitUntilReady());
    if (!isReady && !left.aborted && worker === this.#worker && !this.#isClosed && this.#link.isUp) this.#renew();
  }
}
