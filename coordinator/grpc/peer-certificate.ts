import type { PeerCertificate, TLSSocket } from 'node:tls';

/** What is read of a peer's certificate: by grpc-js, whether there is one (`raw`), and by peer.ts. */
type Kept = Pick<PeerCertificate, 'raw' | 'subjectaltname' | 'serialNumber' | 'valid_to'>;

/**
 * grpc-js asks a connection for its peer's certificate at each call, and OpenSSL takes it apart each time, which costs half a
 * millisecond: more than the rest of a call. It is read at the first call and kept, without the fields that nobody reads, for as long as
 * the connection: TLS 1.3 has no renegotiation (RFC 8446, 4.1.2), so that its peer stays who it is.
 */
export function readCertificateOnce(socket: TLSSocket): void {
  const read = socket.getPeerCertificate.bind(socket);
  let kept: Kept | undefined;
  const once = (detailed?: boolean) => {
    if (detailed) return read(true);
    if (kept === undefined) {
      const { raw, subjectaltname, serialNumber, valid_to } = read();
      kept = { raw, serialNumber, valid_to, ...(subjectaltname !== undefined && { subjectaltname }) };
    }
    return kept;
  };
  socket.getPeerCertificate = once as TLSSocket['getPeerCertificate'];
}
