import type { Http2SecureServer } from 'node:http2';
import { createServer, type Server as NetServer, type Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { type ConnectionInjector, Server, type ServerCredentials, type ServerOptions } from '@grpc/grpc-js';
import { listenOn } from '../../base/serving/listen.ts';
import type { Timers } from '../../base/time.ts';
import { messageBytesMax, windowBytes } from '../../proto/wire-names.ts';
import type { ServerIdentity } from '../keys/server-certificate.ts';
import { type ConnectionCaps, type ConnectionRefusal, Connections } from './connections/connections.ts';
import type { Peer } from './peer.ts';
import { readCertificateOnce } from './peer-certificate.ts';
import { type HandshakeRefusal, handshakeRefusal } from './refused-handshakes.ts';
import { type ClientCertificate, TlsCredentials } from './tls.ts';
import { type UnreadFault, type UnreadRules, unreadRequests } from './unread-requests.ts';

/** What one connection may cost, once it was let in. */
export type SessionCaps = Readonly<{
  clients: ClientCertificate;
  messageBytesMax: number;
  streamsMax: number;
  /** In flight of one stream, and held here of one that waits for its turn; in flight of a connection, where it is more than the standard's. */
  windowBytes: number;
  /** MB of one HTTP/2 session, buffers and headers of all its streams. */
  sessionMegabytesMax: number;
  /** Then its peer connects anew: with a renewed certificate, and spread over what stands behind one address. */
  ageMs: number;
  /** For what is under way when a connection has come to its age. */
  graceMs: number;
  idleMs: number;
}>;

/** Strangers have one thing to say, and it is short. */
export const strangersCaps: SessionCaps = {
  clients: 'none',
  messageBytesMax: 16 << 10,
  streamsMax: 4,
  windowBytes: 32 << 10,
  sessionMegabytesMax: 1,
  ageMs: 60_000,
  graceMs: 5_000,
  idleMs: 15_000,
};

/** A window of 1 MiB would cost 200 MiB when 200 clusters upload at once. */
export const membersCaps: SessionCaps = {
  clients: 'required',
  messageBytesMax,
  streamsMax: 64,
  windowBytes,
  sessionMegabytesMax: 64,
  ageMs: 3_600_000,
  graceMs: 300_000,
  idleMs: 900_000,
};

/** Of every connection until its receiver widens it: RFC 9113, 6.9.2. */
const standardWindowBytes = 65_535;

type ListenerParts = Readonly<{
  identity: ServerIdentity;
  trusted: string;
  session: SessionCaps;
  connections: ConnectionCaps;
  unread: UnreadRules;
  timers: Timers;
  onConnectionRefused: (why: ConnectionRefusal) => void;
  onHandshakeRefused: (why: HandshakeRefusal, address: string, code: string) => void;
  onCallRefused: (path: string, peer: Peer, fault: UnreadFault) => void;
}>;

/** One gRPC port: sockets are counted before TLS sees them, requests before a handler does. */
export class Listener {
  readonly grpc: Server;
  readonly connections: Connections;
  readonly #credentials: TlsCredentials;
  readonly #injector: ConnectionInjector;
  readonly #sockets: NetServer;

  constructor(parts: ListenerParts) {
    const { identity, trusted, session, timers } = parts;
    this.connections = new Connections({ caps: parts.connections, timers, refused: parts.onConnectionRefused });
    const guard = unreadRequests({
      rules: parts.unread,
      connections: this.connections,
      timers,
      refused: parts.onCallRefused,
    });
    this.grpc = new Server({ ...optionsOf(session), interceptors: [guard] });
    this.#credentials = new TlsCredentials(identity, trusted, session);
    onHttp2SecureServer(this.grpc, (tls) => {
      watchHandshakes(tls, parts.onHandshakeRefused);
      tls.on('secureConnection', readCertificateOnce);
      // No option reaches it: a stream's window alone is a setting (RFC 9113, 6.9.2).
      tls.on('session', (opened) => opened.setLocalWindowSize(Math.max(standardWindowBytes, session.windowBytes)));
    });
    this.#injector = this.grpc.createConnectionInjector(this.#credentials);
    this.#sockets = createServer({ noDelay: true, pauseOnConnect: true }, (socket) => {
      this.connections.admit(socket, () => this.#injector.injectConnection(socket));
    });
  }

  /** Returns the port bound. Throws when `address` (host:port) cannot be had. */
  async listen(address: string): Promise<number> {
    try {
      return await listenOn(this.#sockets, address);
    } catch (error) {
      throw new Error(`cannot listen on ${address}: ${(error as Error).message}`, { cause: error });
    }
  }

  /** New connections get the new certificate. */
  replaceIdentity(identity: ServerIdentity): void {
    this.#credentials.replace(identity);
  }

  /** Takes no new connection; resolves when the open calls have ended. */
  drained(): Promise<void> {
    this.#sockets.close();
    return new Promise((resolve) => {
      // An error here says that the server was not running: there is nothing to drain.
      this.grpc.tryShutdown(() => resolve());
    });
  }

  /** Ends what is left. grpc-js forgets its sessions where channelz is off, so we cut what they stand on. */
  force(): void {
    this.#sockets.close();
    this.grpc.forceShutdown();
    this.connections.end();
  }
}

/** grpc-js makes its TLS server where nobody sees it; a build of it that makes none there fails here, at the start. */
function onHttp2SecureServer(grpc: Server, made: (tls: Http2SecureServer) => void): void {
  const hidden = grpc as unknown as { createHttp2Server(credentials: ServerCredentials): Http2SecureServer };
  const make = hidden.createHttp2Server.bind(grpc);
  hidden.createHttp2Server = (credentials) => {
    const tls = make(credentials);
    made(tls);
    return tls;
  };
}

/** Tells of handshakes that come to nothing, which grpc-js lets pass unheard. */
function watchHandshakes(tls: Http2SecureServer, refused: ListenerParts['onHandshakeRefused']): void {
  tls.on('tlsClientError', (error: NodeJS.ErrnoException, socket: TLSSocket & { _parent?: Socket }) => {
    const address = socket.remoteAddress ?? socket._parent?.remoteAddress ?? 'unknown';
    refused(handshakeRefusal(error, socket), address, String(socket.authorizationError ?? error.code ?? ''));
  });
}

/** Every cap that grpc-js has; what it leaves open by default is closed here (I6). */
function optionsOf(session: SessionCaps): ServerOptions {
  return {
    'grpc.max_receive_message_length': session.messageBytesMax,
    'grpc.max_send_message_length': messageBytesMax,
    'grpc.max_concurrent_streams': session.streamsMax,
    'grpc-node.max_session_memory': session.sessionMegabytesMax,
    'grpc.max_connection_age_ms': session.ageMs,
    'grpc.max_connection_age_grace_ms': session.graceMs,
    'grpc.max_connection_idle_ms': session.idleMs,
    /** A peer that vanished without a word is found out within 50 s. */
    'grpc.keepalive_time_ms': 30_000,
    'grpc.keepalive_timeout_ms': 20_000,
    'grpc.enable_channelz': 0,
  };
}
