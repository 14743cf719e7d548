import type { SecureServerOptions } from 'node:http2';
import { createServer, type Server as NetServer, type Socket } from 'node:net';
import { type ConnectionInjector, Server, ServerCredentials } from '@grpc/grpc-js';
import { listenOn } from '../../base/serving/listen.ts';

export type ServerIdentity = Readonly<{ chain: string; key: string }>;

export type ListenerCaps = Readonly<{
  /** Whether a peer needs a certificate of ours to be let in at all. */
  certificates: 'none' | 'required';
  connectionsMax: number;
  messageBytesMax: number;
  streamsMax: number;
  /** A connection that is older connects anew: with a renewed certificate, and without what it may have held on to. */
  ageMs: number;
}>;

/** TLS 1.3 alone; the server's certificate can be replaced while connections stay open. */
class HubCredentials extends ServerCredentials {
  constructor({ chain, key }: ServerIdentity, trusted: string, { certificates, streamsMax }: ListenerCaps) {
    const required = certificates === 'required';
    const options: SecureServerOptions = {
      requestCert: required,
      rejectUnauthorized: required,
      handshakeTimeout: 10_000,
      settings: { maxConcurrentStreams: streamsMax, maxHeaderListSize: 32 << 10 },
    };
    super(options as never, { cert: chain, key, ca: trusted, minVersion: 'TLSv1.3' } as never);
  }

  replace({ chain, key }: ServerIdentity, trusted: string): void {
    this.updateSecureContextOptions({ cert: chain, key, ca: trusted, minVersion: 'TLSv1.3' });
  }

  _equals(other: ServerCredentials): boolean {
    return this === other;
  }
}

/**
 * One of the hub's ports. Sockets are counted before TLS has read a byte. When there is no room, the oldest of the address that
 * has most of them gives way: whoever crowds it crowds out himself alone.
 */
export class HubListener {
  readonly grpc: Server;
  readonly #credentials: HubCredentials;
  readonly #injector: ConnectionInjector;
  readonly #sockets: NetServer;
  /** By address, oldest first. */
  readonly #open = new Map<string, Set<Socket>>();
  readonly #trusted: string;

  constructor(identity: ServerIdentity, trusted: string, caps: ListenerCaps) {
    this.#trusted = trusted;
    this.grpc = new Server({
      'grpc.max_receive_message_length': caps.messageBytesMax,
      'grpc.max_concurrent_streams': caps.streamsMax,
      'grpc-node.max_session_memory': 8,
      'grpc.max_connection_age_ms': caps.ageMs,
      'grpc.max_connection_age_grace_ms': 60_000,
      'grpc.max_connection_idle_ms': 120_000,
      'grpc.keepalive_time_ms': 30_000,
      'grpc.keepalive_timeout_ms': 20_000,
      'grpc.enable_channelz': 0,
    });
    this.#credentials = new HubCredentials(identity, trusted, caps);
    this.#injector = this.grpc.createConnectionInjector(this.#credentials);
    this.#sockets = createServer({ noDelay: true }, (socket) => {
      socket.on('error', () => {}); // A reset before TLS has taken over is nobody's error.
      if (this.#take(socket, caps.connectionsMax)) this.#injector.injectConnection(socket);
      else socket.destroy();
    });
  }

  /** Returns the port bound. Throws where `address` (host:port) cannot be had. */
  async listen(address: string): Promise<number> {
    try {
      return await listenOn(this.#sockets, address);
    } catch (error) {
      throw new Error(`the hub cannot listen on ${address}: ${(error as Error).message}`, { cause: error });
    }
  }

  replaceIdentity(identity: ServerIdentity): void {
    this.#credentials.replace(identity, this.#trusted);
  }

  /** Ends everything that is open. May be called twice. */
  close(): void {
    this.#sockets.close();
    this.grpc.forceShutdown();
    for (const sockets of this.#open.values()) for (const socket of sockets) socket.destroy();
  }

  /** Whether there is room for it, made where need be. */
  #take(socket: Socket, connectionsMax: number): boolean {
    const address = socket.remoteAddress ?? '';
    const own = this.#open.get(address) ?? new Set();
    const all = [...this.#open.values()];
    if (all.reduce((sum, { size }) => sum + size, 0) >= connectionsMax) {
      const most = all.reduce((one, other) => (other.size > one.size ? other : one), own);
      const [oldest] = most;
      if (most.size <= own.size || oldest === undefined) return false;
      most.delete(oldest); // At once: it closes only later.
      oldest.destroy();
    }
    this.#open.set(address, own.add(socket));
    socket.once('close', () => {
      own.delete(socket);
      if (own.size === 0 && this.#open.get(address) === own) this.#open.delete(address);
    });
    return true;
  }
}
