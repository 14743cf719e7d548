import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { Crowd } from './crowd.ts';
import { networkOf } from './network.ts';

/** Who made a connection. Under TLS a request names another socket than the one that came in, of the same peer. */
type Peer = Readonly<{ remoteAddress?: string | undefined; remotePort?: number | undefined }>;

const keyOf = ({ remoteAddress = '', remotePort = 0 }: Peer) => `${remoteAddress} ${remotePort}`;

/**
 * Lets a server hold at most `atOnceMax` connections. Beyond that one that waits gives way, the oldest of the network that has
 * most of them: whoever opens many and says nothing, or a request by the byte, keeps out no probe, no scraper and no operator. A
 * whole request that is being answered does not wait; where nothing else is left, who comes is dropped.
 */
export function capConnections(server: Server, atOnceMax: number): void {
  const open = new Map<string, Socket>();
  const waiting = new Crowd<Socket>();
  server.on('connection', (socket: Socket) => {
    const [key, network] = [keyOf(socket), networkOf(socket.remoteAddress ?? '')];
    if (open.size >= atOnceMax) {
      const oldest = waiting.oldestOfMost();
      if (oldest === undefined) return void socket.destroy();
      waiting.delete(oldest.network, oldest.connection);
      open.delete(keyOf(oldest.connection));
      oldest.connection.destroy();
    }
    open.set(key, socket);
    waiting.add(network, socket);
    socket.once('close', () => {
      waiting.delete(network, socket);
      if (open.get(key) === socket) open.delete(key);
    });
  });
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    const key = keyOf(request.socket);
    const socket = open.get(key);
    if (socket === undefined) return;
    const network = networkOf(socket.remoteAddress ?? '');
    const answering = () => waiting.delete(network, socket);
    if (hasBody(request)) request.once('end', answering);
    else answering();
    response.once('close', () => {
      if (open.get(key) === socket) waiting.add(network, socket);
    });
  });
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}
