import type { SecureServerOptions } from 'node:http2';
import type { SecureContextOptions } from 'node:tls';
import { ServerCredentials } from '@grpc/grpc-js';
import type { ServerIdentity } from '../keys/server-certificate.ts';

/**
 * `none`: server TLS only, for Enrol alone. `required`: no handshake ends well without a certificate of ours. There is
 * no "optional": with requestCert but not rejectUnauthorized, grpc-js reports a peer whose certificate did not verify
 * just as one that sent none, and one forgotten check would let both in.
 */
export type ClientCertificate = 'none' | 'required';

/** Of one request: what a gRPC client sends, with room for a trace context. Node's own limit is 64 KiB. */
const headerBytesMax = 16 << 10;

export type TlsCaps = Readonly<{ clients: ClientCertificate; streamsMax: number; windowBytes: number }>;

/** TLS 1.3 and nothing older; the server's certificate can be replaced while connections stay open. */
export class TlsCredentials extends ServerCredentials {
  readonly #trusted: string;

  constructor(identity: ServerIdentity, trusted: string, { clients, streamsMax, windowBytes }: TlsCaps) {
    const required = clients === 'required';
    const options: SecureServerOptions = {
      requestCert: required,
      rejectUnauthorized: required,
      handshakeTimeout: 10_000,
      settings: {
        maxConcurrentStreams: streamsMax,
        initialWindowSize: windowBytes,
        maxHeaderListSize: headerBytesMax,
      },
    };
    super(options as never, contextOf(identity, trusted) as never);
    this.#trusted = trusted;
  }

  /** New connections get the new certificate. */
  replace(identity: ServerIdentity): void {
    this.updateSecureContextOptions(contextOf(identity, this.#trusted));
  }

  _equals(other: ServerCredentials): boolean {
    return this === other;
  }
}

function contextOf({ chain, key }: ServerIdentity, trusted: string): SecureContextOptions {
  return { cert: chain, key, ca: trusted, minVersion: 'TLSv1.3' };
}
