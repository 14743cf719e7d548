import { type Job, Worker, type WorkerOptions } from 'bullmq';
import type { RedisLink } from './redis-link.ts';

/** A BullMQ worker that is made anew whenever Redis returns from an outage: the old one may never hear of a job again. */
export class LastingWorker {
  #name: string;
  #link: RedisLink;
  #process: (job: Job) => Promise<unknown>;
  #options: Omit<WorkerOptions, 'connection'>;
  #worker: Worker;
  /** Aborted: the worker's connections give up. */
  #leaving = new AbortController();
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
    this.#unlisten = link.onReturn(() => {
      const deaf = this.#worker;
      this.#leaving.abort();
      this.#leaving = new AbortController();
      this.#worker = this.#make();
      void deaf.close(true).catch(() => {}); // Not waited for: it may hang on the connection it lost.
    });
  }

  /** Waits for the job in hand, unless `force`. */
  async close(force = false): Promise<void> {
    this.#unlisten();
    if (force || !this.#link.isUp) this.#leaving.abort();
    await this.#worker.close(force || !this.#link.isUp).catch(() => {});
  }

  #make(): Worker {
    const worker = new Worker(this.#name, (job) => this.#process(job), {
      ...this.#options,
      connection: this.#link.consumer(this.#leaving.signal),
    });
    worker.on('error', () => {}); // The link reports outages, once.
    return worker;
  }
}
