import type { Result } from '../../base/fault.ts';
import type { Timers } from '../../base/time.ts';
import type { CallFaultCode } from '../../proto/call.ts';
import type { LocalTrack } from '../learning/local-track.ts';
import type { SharedMap } from '../tracks/shared-map.ts';

/** What this cluster shares of its map; undefined where there is nothing to tell yet. */
export type MapNews = Readonly<{ map(): Promise<SharedMap | undefined> }>;

/** Of what the buffers hold of normal examples; of several tracks that have a map, the first. */
export function mapNewsOf(tracks: ReadonlyMap<unknown, Pick<LocalTrack, 'kind' | 'buffer'>>): MapNews {
  return {
    async map() {
      for (const { kind, buffer } of tracks.values()) {
        if (kind.mapOf === undefined) continue;
        const map = await kind.mapOf(buffer.read(['reservoir', 'recent', 'hard']).examples);
        if (map !== undefined) return map;
      }
      return undefined;
    },
  };
}

type Connection = Readonly<{
  tellMap?(
    told: SharedMap,
    options: Readonly<{ carrier: Readonly<Record<string, string>>; timeoutMs: number; signal: AbortSignal }>,
  ): Promise<Result<unknown, CallFaultCode>>;
}>;

/** A map is made of the whole buffer: not often. */
const everyMs = 900_000;
const soonMs = 10_000;
const timeoutMs = 30_000;

/**
 * Tells the coordinator the map that a cluster agreed to share: on each connection at once, then every quarter of an hour. What fails is told
 * with the next; a coordinator that does not know the call is not asked again on that connection.
 */
export class MapTeller {
  #connection: Connection | undefined;
  #atMs = Number.NEGATIVE_INFINITY;
  #unknown = false;

  async look(connection: Connection, news: MapNews | undefined, timers: Timers, signal: AbortSignal): Promise<void> {
    if (news === undefined || connection.tellMap === undefined) return;
    if (connection !== this.#connection) {
      [this.#connection, this.#atMs, this.#unknown] = [connection, Number.NEGATIVE_INFINITY, false];
    }
    const nowMs = timers.monotonicMs();
    if (this.#unknown || nowMs - this.#atMs < everyMs) return;
    this.#atMs = nowMs;
    const map = await news.map();
    if (map === undefined) {
      this.#atMs = nowMs - everyMs + soonMs; // Nothing was seen yet.
      return;
    }
    const told = await connection.tellMap(map, { carrier: {}, timeoutMs, signal });
    this.#unknown = !told.ok && told.fault.code === 'GRPC_UNIMPLEMENTED';
  }
}
