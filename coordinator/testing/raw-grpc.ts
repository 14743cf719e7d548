import { type ClientHttp2Session, type ClientHttp2Stream, connect } from 'node:http2';
import { connect as connectTcp, type Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { connect as connectTls } from 'node:tls';
import { onTestFinished } from 'vitest';

type Credentials = Readonly<{ ca?: string; cert?: string; key?: string }>;

/** HTTP/2 by hand, for what no gRPC client would do. `from`: the local address, or who is connected already. Never rejects: hostile peers are cut. */
export function rawConnection(
  address: string,
  parts: Credentials = {},
  from: string | Socket = '127.0.0.1',
): ClientHttp2Session {
  const at = address.lastIndexOf(':');
  const place = { host: address.slice(0, at), port: Number(address.slice(at + 1)) };
  const createConnection = () =>
    connectTls({
      socket: throughJavaScript(typeof from === 'string' ? connectTcp({ ...place, localAddress: from }) : from),
      rejectUnauthorized: false,
      ALPNProtocols: ['h2'],
      ...parts,
    });
  const session = connect(`https://${address}`, { createConnection, maxSessionMemory: 1_000 });
  session.on('error', () => {});
  onTestFinished(() => session.destroy());
  return session;
}

/**
 * Node's HTTP/2 stops to read while it writes, and its TLS loses the error of a write while it shakes hands: who is cut in that moment
 * never hears of it. Between them and the socket, what closes the one closes the other.
 */
function throughJavaScript(socket: Socket): Duplex {
  const through = Duplex.from({ readable: socket, writable: socket });
  through.allowHalfOpen = false; // TLS takes it over: who is told that the peer is done is done too.
  return through;
}

/** Begins a call and sends so many bytes of a message that says it has `declaredBytes`; `sent` hears when they are out. */
export function halfSent(
  session: ClientHttp2Session,
  path: string,
  declaredBytes: number,
  sentBytes: number,
  sent = () => {},
): ClientHttp2Stream {
  const stream: ClientHttp2Stream = session.request({
    ':method': 'POST',
    ':path': path,
    'content-type': 'application/grpc',
    te: 'trailers',
  });
  stream.on('error', () => {});
  const frame = Buffer.alloc(5 + sentBytes, 1);
  frame[0] = 0;
  frame.writeUInt32BE(declaredBytes, 1);
  stream.write(frame, (error) => {
    if (error === null || error === undefined) sent();
  });
  return stream;
}

/** The gRPC status and our fault code that a call ends with; neither where it is cut without a word. */
export function outcomeOf(stream: ClientHttp2Stream): Promise<Readonly<{ status?: string; code?: string }>> {
  return new Promise((resolve) => {
    const look = (headers: Readonly<Record<string, unknown>>) => {
      const status = headers['grpc-status'];
      if (status !== undefined) resolve({ status: `${status}`, code: `${headers['testudo-fault-code'] ?? ''}` });
    };
    stream.on('response', look);
    stream.on('trailers', look);
    stream.on('close', () => resolve({}));
    stream.resume();
  });
}

/** Resolves when the peer has read what was sent so far; false when the connection is gone. */
export function settled(session: ClientHttp2Session): Promise<boolean> {
  return new Promise((resolve) => {
    const ping = () => session.ping((error) => resolve(error === null));
    session.once('close', () => resolve(false));
    if (session.destroyed) resolve(false);
    else if (session.connecting) session.once('connect', ping);
    else ping();
  });
}
