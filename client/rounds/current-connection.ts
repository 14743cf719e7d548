import type { RoundConnection } from './round-calls.ts';

/** The one connection that there is now, or none: whoever needs it waits for the next. */
export class CurrentConnection {
  #now: RoundConnection | undefined;
  #next = Promise.withResolvers<RoundConnection>();

  get now(): RoundConnection | undefined {
    return this.#now;
  }

  opened(connection: RoundConnection): void {
    this.#now = connection;
    this.#next.resolve(connection);
  }

  closed(): void {
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
