import type { Result } from '../../base/fault.ts';
import type { Timers } from '../../base/time.ts';
import type { AlertCount } from './alert-counts.ts';

/** How the sensors of a cluster are, as its hub heard lately: all of them, and those under each strain. */
export type SensorCounts = Readonly<Record<'count' | 'sampled' | 'dangerous' | 'behind' | 'blind', number>>;

export type AlertsTold = Readonly<{ counts: readonly AlertCount[]; sensors: SensorCounts | undefined }>;

/** What is told, and a number that grows when there is news of alerts; of sensors what is different is news. */
export type AlertNews = Readonly<{
  news: () => number;
  recent: () => readonly AlertCount[];
  /** Undefined where this client is no hub. */
  sensors: () => SensorCounts | undefined;
}>;

/** As much of a connection to a coordinator as is needed here. Without the call nothing is heard. */
type Connection = Readonly<{
  tellAlerts?(
    told: AlertsTold,
    options: Readonly<{ carrier: Readonly<Record<string, string>>; timeoutMs: number; signal: AbortSignal }>,
  ): Promise<Result<unknown>>;
}>;

const everyMs = 60_000;
const timeoutMs = 10_000;

/**
 * Tells the coordinator how many alerts there were, and how the cluster's sensors are: on each connection at once, then once a minute where there is news. What fails is
 * told with the next; a coordinator that does not know the call is not asked again on that connection.
 */
export class AlertTeller {
  #connection: Connection | undefined;
  #told = -1;
  #toldSensors = '';
  #atMs = Number.NEGATIVE_INFINITY;
  #unknown = false;

  async look(connection: Connection, news: AlertNews, timers: Timers, signal: AbortSignal): Promise<void> {
    if (connection !== this.#connection) {
      this.#connection = connection;
      this.#told = 0; // Nothing was raised: nothing to tell.
      this.#toldSensors = '';
      this.#atMs = Number.NEGATIVE_INFINITY;
      this.#unknown = false;
    }
    const nowMs = timers.monotonicMs();
    const sensors = news.sensors();
    const ofSensors = sensors === undefined ? '' : JSON.stringify(sensors);
    const isNews = news.news() !== this.#told || ofSensors !== this.#toldSensors;
    if (this.#unknown || !isNews || nowMs - this.#atMs < everyMs) return;
    this.#atMs = nowMs;
    const revision = news.news();
    const told = await connection.tellAlerts?.({ counts: news.recent(), sensors }, { carrier: {}, timeoutMs, signal });
    if (told?.ok) [this.#told, this.#toldSensors] = [revision, ofSensors];
    else this.#unknown = told === undefined || told.fault.code === 'GRPC_UNIMPLEMENTED';
  }
}
