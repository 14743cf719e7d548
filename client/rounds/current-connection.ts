import type { Fault } from '../../base/fault.ts';
import type { EpochMs } from '../../base/time.ts';
import type { RoundConnection } from './round-calls.ts';

/** atMs: by our clock; 0 for never. away: what ended the connection, or the attempt at one, since; undefined for nothing. */
export type Heard = Readonly<{ atMs: EpochMs; away: Fault | undefined }>;

/** The one connection that there is now, or none: whoever needs it waits for the next. */
export class CurrentConnection {
  #now: RoundConnection | undefined;
  #next = Promise.withResolvers<RoundConnection>();
  #heard: Heard = { atMs: 0, away: undefined };

  get heard(): Heard {
    return this.#heard;
  }

  get now(): RoundConnection | undefined {
    return this.#now;
  }

  opened(connection: RoundConnection): void {
    this.#now = connection;
    this.#next.resolve(connection);
  }

  hear(atMs: EpochMs): void {
    this.#heard = { atMs, away: undefined };
  }

  /** away: why, where it was not our own wish. */
  closed(away?: Fault): void {
    if (away !== undefined) this.#heard = { ...this.#heard, away };
    this.#now?.close();
    this.#now = undefined;
    this.#next = Promise.withResolvers();
  }

  /** The connection, once there is one; nothing when the work is cancelled first. */
  async once(signal: AbortSignal): Promise<RoundConnection | undefined> {
    if (this.#now !== undefined) return this.#now;
    const cancelled = Promise.withResolvers<undefined>();
    const cancel = () => cancelled.resolve(undefined);
    signal.addEventListener('abort', cancel, { once: true });
    if (signal.aborted) cancel();
    const connection = await Promise.race([this.#next.promise, cancelled.promise]);
    signal.removeEventListener('abort', cancel);
    return connection;
  }
}
