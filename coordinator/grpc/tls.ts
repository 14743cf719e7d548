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

/**
 * In flight of one stream, and held here of one that waits for its turn: a chunk. HTTP/2's 64 KiB would hold an upload
 * to 64 KiB a round trip; 1 MiB costs 200 MiB when 200 clusters upload at once.
 */
const streamWindowBytes = 1 << 18;

/** TLS 1.3 and nothing older; the server's certificate can be replaced while connections stay open. */
export class TlsCredentials extends ServerCredentials {
  readonly #trusted: string;

  constructor(identity: ServerIdentity, trusted: string, clients: ClientCertificate, streamsMax: number) {
    const required = clients === 'required';
    const options: SecureServerOptions = {
      requestCert: required,
      rejectUnauthorized: required,
      handshakeTimeout: 10_000,
      settings: { maxConcurrentStreams: streamsMax, initialWindowSize: streamWindowBytes },
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
