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

/**
 * The messages of a sensor's stream, opened anew with full jitter whenever it breaks, until `signal` aborts. `where` names a
 * message for people. Each interruption is reported, and so is what `open` throws; what happens in between is not seen unless `open` asks for it.
 */
export async function* sensorStream<Message>(
  address: string,
  open: () => Opened<Message> | Promise<Opened<Message>>,
  { signal, reconnect, unit, timers, onDisconnect }: SensorStreamOptions,
): AsyncGenerator<Readonly<{ message: Message; where: string }>> {
  for (let attempt = 0; !signal.aborted; attempt += 1) {
    let opened: Opened<Message> | undefined;
    const abort = () => opened?.call.cancel();
    signal.addEventListener('abort', abort, { once: true });
    try {
      opened = await open();
      if (signal.aborted) return;
      let index = 0;
      for await (const message of drained<Message>(opened.call)) {
        attempt = 0;
        index += 1;
        yield { message, where: `${address}#${index}` };
      }
      if (!signal.aborted) onDisconnect({ code: 'STREAM_ENDED', message: `${address} ended the stream` });
    } catch (error) {
      if (!signal.aborted) onDisconnect(error instanceof FaultError ? error.fault : faultOfError(error));
    } finally {
      signal.removeEventListener('abort', abort);
      opened?.call.cancel();
      opened?.client.close();
    }
    await pause(timers, fullJitterMs(reconnect, attempt, unit()), signal);
  }
}
