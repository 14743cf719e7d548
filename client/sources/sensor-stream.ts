import type { Client, ClientReadableStream } from '@grpc/grpc-js';
import { type Backoff, fullJitterMs } from '../../base/backoff.ts';
import { type Fault, FaultError } from '../../base/fault.ts';
import { pause } from '../../base/pause.ts';
import type { Timers } from '../../base/time.ts';
import { faultOfError } from '../../proto/call.ts';
import { drained } from './drained.ts';

export type SensorStreamOptions = Readonly<{
  signal: AbortSignal;
  reconnect: Backoff;
  unit: () => number;
  timers: Timers;
  onDisconnect: (fault: Fault) => void;
}>;

type Opened<Message> = Readonly<{ client: Client; call: ClientReadableStream<Message> }>;

/** For the client of a sensor's service. */
export const sensorChannel = {
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

/** The messages of a gRPC stream, as `reconnecting` keeps it. `where` names a message for people. */
export async function* sensorStream<Message>(
  address: string,
  open: () => Opened<Message> | Promise<Opened<Message>>,
  options: SensorStreamOptions,
): AsyncGenerator<Readonly<{ message: Message; where: string }>> {
  let index = 0;
  const opened = async () => {
    const { client, call } = await open();
    index = 0;
    const close = () => {
      call.cancel();
      client.close();
    };
    return { items: drained<Message>(call), close };
  };
  for await (const message of reconnecting(address, opened, options)) {
    index += 1;
    yield { message, where: `${address}#${index}` };
  }
}
