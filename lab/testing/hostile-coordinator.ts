import { once } from 'node:events';
import {
  createSecureServer,
  type Http2SecureServer,
  type OutgoingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import type { Socket } from 'node:net';

/** What its thief has of a coordinator: PEM all. */
export type StolenCertificate = Readonly<{ rootPem: string; chainPem: string; keyPem: string }>;

/** The least of a message that says what it is: anything with ts-proto's `encode`. */
type Encoder<Message> = Readonly<{ encode(message: Message): { finish(): Uint8Array } }>;

/** One call that a client makes, answered byte by byte. */
export class HostileCall {
  readonly method: string;
  readonly stream: ServerHttp2Stream;
  /** Everything that came, length prefixes too. */
  received: Buffer = Buffer.alloc(0);
  #trailers: OutgoingHttpHeaders = { 'grpc-status': '0' };

  constructor(method: string, stream: ServerHttp2Stream) {
    this.method = method;
    this.stream = stream;
    stream.on('error', () => undefined);
    stream.on('wantTrailers', () => stream.sendTrailers(this.#trailers));
    stream.on('data', (bytes: Buffer) => {
      this.received = Buffer.concat([this.received, bytes]);
    });
  }

  /** Resolves when the client has said all that it has to say. */
  async heard(): Promise<void> {
    if (!this.stream.readableEnded) await once(this.stream, 'end');
  }

  /** Response headers, once; a gRPC response's unless others are given. */
  head(over: OutgoingHttpHeaders = {}): void {
    if (this.stream.headersSent || this.stream.destroyed) return;
    const headers = { ':status': 200, 'content-type': 'application/grpc+proto', ...over };
    this.stream.respond(headers, { waitForTrailers: true });
  }

  /** Bytes as they are; false where the client must first take some. */
  raw(bytes: Uint8Array): boolean {
    this.head();
    return this.stream.destroyed ? true : this.stream.write(bytes);
  }

  say<Message>(type: Encoder<Message>, message: Message): boolean {
    return this.raw(framed(type.encode(message).finish()));
  }

  end(trailers: OutgoingHttpHeaders = { 'grpc-status': '0' }): void {
    this.#trailers = trailers;
    this.head();
    this.stream.end();
  }

  /** One message and the end: the answer to a unary call. */
  answer<Message>(type: Encoder<Message>, message: Message): void {
    this.say(type, message);
    this.end();
  }

  /** The same bytes as often as the client takes them, until it hangs up. Returns how often that was. */
  async flood(bytes: () => Uint8Array): Promise<number> {
    let count = 0;
    while (!this.stream.destroyed) {
      count += 1;
      if (!this.raw(bytes())) await Promise.race([once(this.stream, 'drain'), once(this.stream, 'close')]);
      // Lets the client, which shares this thread, have its turn.
      await new Promise((resolve) => setImmediate(resolve));
    }
    return count;
  }
}

/** A gRPC message with its prefix. */
export function framed(message: Uint8Array, { compressed = false, claims = message.length } = {}): Buffer {
  const prefix = Buffer.alloc(5);
  prefix.writeUInt8(compressed ? 1 : 0, 0);
  prefix.writeUInt32BE(claims, 1);
  return Buffer.concat([prefix, message]);
}

/**
 * What a thief of a coordinator can do to its clients: real mutual TLS with the federation's own certificate, and below
 * gRPC, so that nothing keeps it to the protocol. A method without a handler is never answered.
 */
export class HostileCoordinator {
  readonly calls: HostileCall[] = [];
  readonly handlers: Record<string, (call: HostileCall) => unknown> = {};
  onSession: (session: ServerHttp2Session) => void = () => undefined;
  readonly #server: Http2SecureServer;
  /** Connections whose handshake still runs too: none may outlive the server. */
  readonly #sockets = new Set<Socket>();
  #heard: (() => void)[] = [];

  private constructor(server: Http2SecureServer) {
    this.#server = server;
    server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
    });
    server.on('session', (session) => {
      session.on('error', () => undefined);
      this.onSession(session);
    });
    server.on('stream', (stream, headers) => {
      const method = String(headers[':path']).split('/').at(-1) ?? '';
      const call = new HostileCall(method, stream);
      this.calls.push(call);
      void this.handlers[method]?.(call);
      for (const resolve of this.#heard.splice(0)) resolve();
    });
    server.on('sessionError', () => undefined);
  }

  /** `mutual`: asks callers for certificates, as the port of members does. */
  static async listen(
    { rootPem, chainPem, keyPem }: StolenCertificate,
    { port = 0, mutual = true } = {},
  ): Promise<HostileCoordinator> {
    const server = createSecureServer({
      ca: rootPem,
      cert: chainPem,
      key: keyPem,
      requestCert: mutual,
      minVersion: 'TLSv1.3',
    });
    const hostile = new HostileCoordinator(server);
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    return hostile;
  }

  get port(): number {
    return (this.#server.address() as { port: number }).port;
  }

  callsOf(method: string): readonly HostileCall[] {
    return this.calls.filter((call) => call.method === method);
  }

  /** Resolves once a method was called so often. */
  async called(method: string, count = 1): Promise<void> {
    while (this.callsOf(method).length < count) await new Promise<void>((resolve) => this.#heard.push(resolve));
  }

  async close(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }
}
