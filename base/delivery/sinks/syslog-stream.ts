import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { SinkConfig } from '../delivery-config.ts';
import { framed } from '../formats/syslog.ts';
import type { Wording } from '../outgoing.ts';
import { type Sink, whyOf } from './sink.ts';

/**
 * Syslog over TCP or TLS, a connection for each message. Syslog acknowledges nothing: what counts as delivered was written whole,
 * and the other side closed without an error.
 */
export function syslogSink<Item>(
  config: Extract<SinkConfig, { kind: 'syslog' }>,
  wording: Pick<Wording<Item>, 'syslog'>,
): Sink<Item> {
  return {
    async send(outgoing, sender, signal) {
      let socket: Socket | undefined;
      try {
        socket = await connected(config, signal);
        const closed = once(socket, 'close', { signal });
        socket.resume(); // Nothing is expected; what comes must not keep it open.
        socket.end(framed(wording.syslog(outgoing, sender, config.facility)));
        await closed;
        return { kind: 'delivered' };
      } catch (error) {
        return { kind: 'later', why: whyOf(error) };
      } finally {
        socket?.destroy();
      }
    },
  };
}

async function connected(
  { host, port, tls, caFile }: Extract<SinkConfig, { kind: 'syslog' }>,
  signal: AbortSignal,
): Promise<Socket> {
  if (!tls) {
    const socket = connect({ host, port });
    await opened(socket, 'connect', signal);
    return socket;
  }
  const ca = caFile === undefined ? undefined : await readFile(caFile);
  const socket = connectTls({ host, port, servername: host, ...(ca && { ca }) });
  await opened(socket, 'secureConnect', signal);
  return socket;
}

async function opened(socket: Socket, event: string, signal: AbortSignal): Promise<void> {
  try {
    await once(socket, event, { signal });
  } catch (error) {
    socket.destroy();
    throw error;
  }
}
