import type { Client, ClientReadableStream } from '@grpc/grpc-js';
import { type Backoff, fullJitterMs } from '../../base/backoff.ts';
import type { Fault } from '../../base/fault.ts';
import { pause } from '../../base/pause.ts';
import { systemTimers } from '../../base/system-timers.ts';
import { faultOfError } from '../../proto/call.ts';
import { drained } from './drained.ts';

export type SensorStreamOptions = Readonly<{
  signal: AbortSignal;
  reconnect: Backoff;
  unit: () => number;
  onDisconnect: (fault: Fault) => void;
}>;

/** For the client of a sensor's service. */
export const sensorChannel = {
  'grpc.max_receive_message_length': 4 * 2 ** 20,
  'grpc.keepalive_time_ms': 30_000,
  'grpc.use_local_subchannel_pool': 1,
} as const;

/**
 * The messages of a sensor's stream, opened anew with full jitter whenever it breaks, until `signal` aborts. `where` names a
 * message for people. Each interruption is reported; what happens in between is not seen unless `open` asks for it.
 */
export async function* sensorStream<Message>(
  address: string,
  open: () => Readonly<{ client: Client; call: ClientReadableStream<Message> }>,
  { signal, reconnect, unit, onDisconnect }: SensorStreamOptions,
): AsyncGenerator<Readonly<{ message: Message; where: string }>> {
  for (let attempt = 0; !signal.aborted; attempt += 1) {
    const { client, call } = open();
    const abort = () => call.cancel();
    signal.addEventListener('abort', abort, { once: true });
    try {
      let index = 0;
      for await (const message of drained<Message>(call)) {
        attempt = 0;
        index += 1;
        yield { message, where: `${address}#${index}` };
      }
      if (!signal.aborted) onDisconnect({ code: 'STREAM_ENDED', message: `${address} ended the stream` });
    } catch (error) {
      if (!signal.aborted) onDisconnect(faultOfError(error));
    } finally {
      signal.removeEventListener('abort', abort);
      call.cancel();
      client.close();
    }
    await pause(systemTimers, fullJitterMs(reconnect, attempt, unit()), signal);
  }
}
