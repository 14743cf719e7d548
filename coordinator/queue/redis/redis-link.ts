import { Redis } from 'ioredis';
import { ok, type Result, refuse } from '../../../base/fault.ts';
import type { Timer, Timers } from '../../../base/time.ts';
import { within } from '../../../base/waiting/within.ts';
import { addressOf, type RedisPlace } from './redis-place.ts';

export type RedisLinkOptions = Readonly<{
  place: RedisPlace;
  /** How often Redis is asked whether it is still there. Default 2 s. */
  probeMs?: number;
  /** An answer that takes longer is none: Redis is frozen, or the way to it. Default 1.5 s. */
  timeoutMs?: number;
  timers: Timers;
  trouble: (code: string, message: string) => void;
}>;

/** What ioredis rejects with once commandTimeout is over: no answer, which the probe tells of, and not a refusal. */
const lateAnswer = 'Command timed out';

/**
 * Knows whether Redis answers and takes writes, by asking on a connection of its own. Clients that reconnect by themselves may come back
 * deaf (a blocking read parked for ever: bullmq issue 4585), so whoever holds some is told when Redis has returned, or
 * was replaced by another process, and makes new ones. After a fail-over the old primary answers as a replica on the
 * connections that it has: they are left, and made anew by the same URL, which leads to the new primary by then, or by Sentinel's word.
 */
export class RedisLink {
  #client: Redis;
  #options: Required<RedisLinkOptions>;
  #timer: Timer;
  #isUp = false;
  /** A replica answers: said once. */
  #isReplica = false;
  #isClosed = false;
  #runId: string | undefined;
  /** Why its connection is not made, as it said last; none once it is. */
  #whyUnconnected: Error | undefined;
  /** Why we were refused, as it was said of this outage. */
  #refusalSaid = '';
  #probing: Promise<void> | undefined;
  #listeners = new Set<() => void>();

  private constructor(options: Required<RedisLinkOptions>) {
    this.#options = options;
    const { url, ...connection } = { url: undefined, ...this.producer, maxRetriesPerRequest: 0 };
    this.#client = url === undefined ? new Redis(connection) : new Redis(url, connection);
    // The probe says what there is to say.
    this.#client.on('error', (error) => {
      this.#whyUnconnected = error;
    });
    this.#client.on('ready', () => {
      this.#whyUnconnected = undefined;
    });
    this.#timer = options.timers.every(options.probeMs, () => void this.probe());
  }

  /**
   * Refused when Redis answers and may evict keys: then jobs could vanish one by one, unseen. One that does not answer
   * is no reason to stay down: everything is derived from the journal, and the link waits for it.
   */
  static async open(options: RedisLinkOptions): Promise<Result<RedisLink, 'REDIS_EVICTS'>> {
    const link = new RedisLink({ probeMs: 2_000, timeoutMs: 1_500, ...options });
    await link.#firstConnection();
    await link.probe();
    const policy = link.#isUp ? await link.#evictionPolicy() : undefined;
    if (policy === undefined || policy === 'noeviction') return ok(link);
    await link.close();
    return refuse(
      'REDIS_EVICTS',
      `Redis has maxmemory-policy ${policy}, which drops jobs when memory is short; set it to noeviction`,
      { policy },
    );
  }

  get isUp(): boolean {
    return this.#isUp;
  }

  /** Redis answers after it had not, or is another process than before. */
  onReturn(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** For BullMQ's queues: fail at once rather than wait for Redis. */
  get producer() {
    const commandTimeout = this.#options.timeoutMs;
    return { ...this.#connection(undefined, 2 * commandTimeout), enableOfflineQueue: false, commandTimeout };
  }

  /** For BullMQ's workers, whose reads block. Connections stop trying when the link is closed, or `given` is aborted. */
  consumer(given?: AbortSignal) {
    return this.#connection(given);
  }

  /** Whether something comes about within what a connection may take, a stale Sentinel asked first included. */
  async isInTime(ready: Promise<unknown>): Promise<boolean> {
    const { timers, timeoutMs } = this.#options;
    const ended = ready.catch(() => undefined);
    return (await within(timers, timeoutMs * 5, ended)) !== 'late';
  }

  #connection(given: AbortSignal | undefined, answersWithinMs?: number) {
    const retry = (times: number) => (this.#isClosed || given?.aborted ? null : retryStrategy(times));
    const address = addressOf(this.#options.place, { retry, answersWithinMs });
    return { ...address, maxRetriesPerRequest: null, retryStrategy: retry, reconnectOnError };
  }

  /** The action's value, or undefined when Redis has not answered in time or said no. */
  async ask<Value>(action: () => Promise<Value>): Promise<Value | undefined> {
    const { timers, timeoutMs } = this.#options;
    try {
      const answer = await within(timers, timeoutMs * 2, action());
      return answer === 'late' ? undefined : answer;
    } catch (error) {
      const [why = ''] = (error as Error).message.split('\n', 1);
      if (why !== lateAnswer) this.#options.trouble('REDIS_REFUSED', why);
      return undefined;
    }
  }

  async exists(key: string): Promise<boolean> {
    return (await this.#client.exists(key)) === 1;
  }

  /** Looks now. Called often enough by itself; two at once are one. */
  probe(): Promise<void> {
    this.#probing ??= this.#probeOnce().finally(() => {
      this.#probing = undefined;
    });
    return this.#probing;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#options.timers.cancel(this.#timer);
    this.#listeners.clear();
    this.#client.disconnect();
  }

  async #firstConnection(): Promise<void> {
    if (this.#client.status === 'ready') return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#client.once('ready', resolve);
    this.#client.once('close', resolve);
    await within(this.#options.timers, this.#options.timeoutMs, promise);
  }

  async #probeOnce(): Promise<void> {
    const { trouble } = this.#options;
    try {
      const [server, replication] = await Promise.all([this.#client.info('server'), this.#client.info('replication')]);
      if (/^role:slave\b/m.test(replication)) {
        this.#leaveReplica();
        return;
      }
      this.#isReplica = false;
      const runId = /run_id:(\w+)/.exec(server)?.[1];
      const isNew = !this.#isUp || runId !== this.#runId;
      const wasKnown = this.#runId !== undefined;
      this.#isUp = true;
      this.#runId = runId;
      this.#refusalSaid = '';
      if (isNew && wasKnown) trouble('REDIS_BACK', 'Redis answers again; everything due is derived anew');
      if (isNew) for (const listener of this.#listeners) listener();
    } catch (error) {
      const isNews = this.#isUp || this.#runId === undefined;
      this.#runId ??= '';
      this.#isUp = false;
      this.#sayLost(this.#whyUnconnected ?? (error as Error), isNews);
    }
  }

  /** Once of an outage; and once more where it turns out that we are refused: that does not pass by itself. */
  #sayLost(error: Error, isNews: boolean): void {
    const refusal = refusalIn(error);
    if (!isNews && (refusal === undefined || refusal === this.#refusalSaid)) return;
    this.#refusalSaid = refusal ?? '';
    const [why] = error.message.split('\n', 1);
    this.#options.trouble('REDIS_LOST', refusal ?? `Redis does not answer (${why})`);
  }

  #leaveReplica(): void {
    if (!this.#isReplica) {
      this.#options.trouble(
        'REDIS_READ_ONLY',
        'Redis is a replica here and takes no writes; connecting anew to its primary',
      );
    }
    this.#isReplica = true;
    this.#runId ??= '';
    this.#isUp = false;
    this.#client.disconnect(true);
  }

  async #evictionPolicy(): Promise<string | undefined> {
    const info = await this.#client.info('memory').catch(() => '');
    return /maxmemory_policy:(\S+)/.exec(info)?.[1];
  }
}

/** That Redis does not want us, or we not it, in a sentence. Its own begins with a word in capitals, which is all that is told of it. */
function refusalIn({ message, code = '' }: NodeJS.ErrnoException): string | undefined {
  const [denied] = /^(?:WRONGPASS|NOAUTH|NOPERM)\b/.exec(message) ?? [];
  if (denied !== undefined) return `Redis does not let us in (${denied}): mend user and password in redis.url`;
  if (!/CERT|^UNABLE_TO|SIGNATURE/.test(code)) return undefined;
  return `Redis shows a certificate that is not trusted here (${code}): mend redis.url, or name its authority in redis.tls.ca`;
}

/** A connection to what was the primary, and is a replica now: leave it, and say the refused command again on the new one. */
function reconnectOnError({ message }: Error): false | 2 {
  return /^(?:READONLY|MASTERDOWN)\b/.test(message) ? 2 : false;
}

function retryStrategy(times: number): number {
  return Math.min(50 * times, 1_000);
}
