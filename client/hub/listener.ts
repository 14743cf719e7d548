import type { SecureServerOptions } from 'node:http2';
import { createServer, type Server as NetServer, type Socket } from 'node:net';
import { type ConnectionInjector, Server, ServerCredentials } from '@grpc/grpc-js';
import { Crowd } from '../../base/serving/crowd.ts';
import { listenOn } from '../../base/serving/listen.ts';
import { networkOf } from '../../base/serving/network.ts';

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
 * One of the hub's ports. Sockets are counted before TLS has read a byte. When there is no room, the oldest of the network that
 * has most of them gives way, unless that is the newcomer's own.
 */
export class HubListener {
  readonly grpc: Server;
  readonly #credentials: HubCredentials;
  readonly #injector: ConnectionInjector;
  readonly #sockets: NetServer;
  readonly #open = new Crowd<Socket>();
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
    for (const socket of this.#open) socket.destroy();
  }

  /** Whether there is room for it, made where need be. */
  #take(socket: Socket, connectionsMax: number): boolean {
    const network = networkOf(socket.remoteAddress ?? '');
    if (this.#open.size >= connectionsMax) {
      const oldest = this.#open.oldestOfMost();
      if (oldest === undefined || this.#open.sizeOf(oldest.network) <= this.#open.sizeOf(network)) return false;
      this.#open.delete(oldest.network, oldest.connection); // At once: it closes only later.
      oldest.connection.destroy();
    }
    this.#open.add(network, socket);
    socket.once('close', () => this.#open.delete(network, socket));
    return true;
  }
}
