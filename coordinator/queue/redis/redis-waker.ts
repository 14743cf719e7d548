import { Queue } from 'bullmq';
import type { Timers } from '../../../base/time.ts';
import type { FederationId } from '../../../proto/ids.ts';
import type { Alarms, Waker } from '../waker.ts';
import { LastingWorker } from './lasting-worker.ts';
import { quietly } from './quietly.ts';
import type { RedisLink } from './redis-link.ts';

/** Alarms that have not changed are said again this often: someone may have flushed Redis. */
const repeatMs = 5_000;
const removeAlways = { removeOnComplete: true, removeOnFail: true } as const;

/**
 * Wakes by BullMQ: a job scheduler for each track's cron, and one delayed job for the soonest deadline. All of it is
 * derived from the journal and said again after an outage, so nothing is lost with Redis. `closed` links stay open:
 * their owner closes them.
 */
export class RedisWaker implements Waker {
  #link: RedisLink;
  readonly #timers: Timers;
  #name: string;
  #queue: Queue;
  #worker: LastingWorker | undefined;
  #alarms: Alarms | undefined;
  #said = '';
  /** By the steady clock. */
  #saidAtMs = 0;
  #saying: Promise<void> | undefined;
  #unlisten: () => void = () => {};

  constructor(link: RedisLink, federation: FederationId, timers: Timers) {
    this.#timers = timers;
    this.#link = link;
    this.#name = `testudo.${federation}.wake`;
    this.#queue = quietly(new Queue(this.#name, { connection: link.producer }));
  }

  async start(wake: () => void): Promise<void> {
    this.#worker = new LastingWorker(this.#name, this.#link, async () => wake());
    this.#unlisten = this.#link.onReturn(() => {
      this.#said = '';
      wake();
    });
  }

  set(alarms: Alarms): void {
    this.#alarms = alarms;
    this.#saying ??= this.#say()
      .catch(() => {}) // Said again within repeatMs; until then the engine's watchdog wakes.
      .finally(() => {
        this.#saying = undefined;
      });
  }

  async close(): Promise<void> {
    this.#unlisten();
    await this.#saying;
    await this.#worker?.close();
    await this.#queue.close().catch(() => {});
  }

  async #say(): Promise<void> {
    while (this.#alarms !== undefined && this.#link.isUp) {
      const alarms = this.#alarms;
      this.#alarms = undefined;
      const text = JSON.stringify(alarms);
      if (text === this.#said && this.#timers.monotonicMs() - this.#saidAtMs < repeatMs) continue;
      const sent = await this.#link.ask(() => this.#sayAll(alarms));
      if (sent === undefined) return;
      this.#said = text;
      this.#saidAtMs = this.#timers.monotonicMs();
    }
  }

  async #sayAll({ nextMs, schedules }: Alarms): Promise<true> {
    const wanted = new Set(schedules.map(({ track }) => `cron.${track}`));
    for (const { track, schedule } of schedules) {
      const repeat = { pattern: schedule.cron, tz: schedule.timeZone };
      await this.#queue.upsertJobScheduler(`cron.${track}`, repeat, { name: 'cron', opts: removeAlways });
    }
    for (const { key } of await this.#queue.getJobSchedulers()) {
      if (!wanted.has(key)) await this.#queue.removeJobScheduler(key);
    }
    if (nextMs !== null) {
      const delay = Math.max(0, nextMs - this.#timers.now());
      await this.#queue.add('deadline', {}, { ...removeAlways, jobId: `at.${nextMs}`, delay });
    }
    return true;
  }
}
