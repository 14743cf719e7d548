import { type Backoff, fullJitterMs } from '../../base/backoff.ts';
import { type Fault, FaultError } from '../../base/fault.ts';
import { pause } from '../../base/pause.ts';
import type { Timers } from '../../base/time.ts';
import { neverByProxy } from '../../proto/by-proxy.ts';
import { faultOfError } from '../../proto/call.ts';

export type SensorStreamOptions = Readonly<{
  signal: AbortSignal;
  reconnect: Backoff;
  unit: () => number;
  timers: Timers;
  onDisconnect: (fault: Fault) => void;
}>;

/** For the client of a sensor's service. */
export const sensorChannel = {
  ...neverByProxy,
  'grpc.max_receive_message_length': 4 * 2 ** 20,
  'grpc.keepalive_time_ms': 30_000,
  'grpc.use_local_subchannel_pool': 1,
} as const;

/** What a sensor yields while it is connected: whatever it throws ends it, a FaultError by its fault. */
export type OpenedStream<Item> = Readonly<{ items: AsyncIterable<Item>; close(): void }>;

/**
 * A sensor's stream, opened anew with full jitter whenever it breaks, until `signal` aborts. Each interruption is reported,
 * and so is what `open` throws; what happens in between is not seen unless `open` asks for it.
 */
export async function* reconnecting<Item>(
  address: string,
  open: () => OpenedStream<Item> | Promise<OpenedStream<Item>>,
  { signal, reconnect, unit, timers, onDisconnect }: SensorStreamOptions,
): AsyncGenerator<Item> {
  for (let attempt = 0; !signal.aborted; attempt += 1) {
    let opened: OpenedStream<Item> | undefined;
    const abort = () => opened?.close();
    signal.addEventListener('abort', abort, { once: true });
    try {
      opened = await open();
      if (signal.aborted) return;
      for await (const item of opened.items) {
        attempt = 0;
        yield item;
      }
      if (!signal.aborted) onDisconnect({ code: 'STREAM_ENDED', message: `${address} ended the stream` });
    } catch (error) {
      if (!signal.aborted) onDisconnect(error instanceof FaultError ? error.fault : faultOfError(error));
    } finally {
      signal.removeEventListener('abort', abort);
      opened?.close();
    }
    await pause(timers, fullJitterMs(reconnect, attempt, unit()), signal);
  }
}
