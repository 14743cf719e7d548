import type { Result } from '../../base/fault.ts';
import type { Timers } from '../../base/time.ts';
import type { AlertCount } from './alert-counts.ts';

/** What is told, and a number that grows when there is news. */
export type AlertNews = Readonly<{ news: () => number; recent: () => readonly AlertCount[] }>;

/** As much of a connection to a coordinator as is needed here. Without the call nothing is heard. */
type Connection = Readonly<{
  tellAlerts?(
    counts: readonly AlertCount[],
    options: Readonly<{ carrier: Readonly<Record<string, string>>; timeoutMs: number; signal: AbortSignal }>,
  ): Promise<Result<unknown>>;
}>;

const everyMs = 60_000;
const timeoutMs = 10_000;

/**
 * Tells the coordinator how many alerts there were: on each connection at once, then once a minute where there is news. What fails is
 * told with the next; a coordinator that does not know the call is not asked again on that connection.
 */
export class AlertTeller {
  #connection: Connection | undefined;
  #told = -1;
  #atMs = Number.NEGATIVE_INFINITY;
  #unknown = false;

  async look(connection: Connection, news: AlertNews, timers: Timers, signal: AbortSignal): Promise<void> {
    if (connection !== this.#connection) {
      this.#connection = connection;
      this.#told = 0; // Nothing was raised: nothing to tell.
      this.#atMs = Number.NEGATIVE_INFINITY;
      this.#unknown = false;
    }
    const nowMs = timers.monotonicMs();
    if (this.#unknown || news.news() === this.#told || nowMs - this.#atMs < everyMs) return;
    this.#atMs = nowMs;
    const revision = news.news();
    const told = await connection.tellAlerts?.(news.recent(), { carrier: {}, timeoutMs, signal });
    if (told?.ok) this.#told = revision;
    else this.#unknown = told === undefined || told.fault.code === 'GRPC_UNIMPLEMENTED';
  }
}
