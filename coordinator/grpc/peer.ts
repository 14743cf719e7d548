import { Metadata, type ServerWritableStream } from '@grpc/grpc-js';
import type { PeerCertificate } from '../members/authenticate.ts';

/** What every kind of call has. */
export type AnyCall = Pick<
  ServerWritableStream<unknown, unknown>,
  'metadata' | 'getPeer' | 'getAuthContext' | 'getPath'
>;

type AuthContext = ReturnType<AnyCall['getAuthContext']>;

export type Peer = Readonly<{
  /** Without its port. */
  address: string;
  certificate: PeerCertificate | undefined;
  /** The door that says so. */
  door?: string;
}>;

/** One call of a cluster that a door hands on: whom the door saw stands where a transport's peer would. */
export class HandedOnCall<Request = unknown> implements AnyCall {
  readonly request: Request;
  readonly metadata = new Metadata();
  readonly seen: Peer;
  readonly #path: string;
  readonly #signal: AbortSignal;

  constructor(path: string, request: Request, seen: Peer, signal: AbortSignal) {
    this.#path = path;
    this.#signal = signal;
    this.request = request;
    this.seen = seen;
  }

  getPath(): string {
    return this.#path;
  }

  getPeer(): string {
    return this.seen.address;
  }

  getAuthContext(): AuthContext {
    return {};
  }

  on(_event: 'cancelled', listener: () => void): void {
    this.#signal.addEventListener('abort', listener, { once: true });
    if (this.#signal.aborted) listener();
  }
}

/** Who is at the other end, as far as the transport has proven it. */
export function peerOf(call: Pick<AnyCall, 'getPeer' | 'getAuthContext'>): Peer {
  if (call instanceof HandedOnCall) return call.seen;
  return { address: call.getPeer().replace(/:\d+$/, ''), certificate: peerCertificate(call) };
}

/**
 * The certificate that TLS verified for this call's connection, or undefined. grpc-js gives one only where the socket
 * is authorised; on our listener that requires one, a connection without it never gets here.
 */
function peerCertificate(call: Pick<AnyCall, 'getAuthContext'>): PeerCertificate | undefined {
  const { transportSecurityType, sslPeerCertificate } = call.getAuthContext();
  if (transportSecurityType !== 'ssl' || sslPeerCertificate === undefined) return undefined;
  const { subjectaltname, serialNumber, valid_to } = sslPeerCertificate;
  // Our issuer puts one name into a caller's certificate, a URI; any other list is not ours.
  const uri = subjectaltname?.startsWith('URI:') === true ? subjectaltname.slice('URI:'.length) : '';
  return { uri, serial: serialNumber, expiresAtMs: Date.parse(valid_to) };
}
