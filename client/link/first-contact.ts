import { createHash } from 'node:crypto';
import { connect, type DetailedPeerCertificate, type PeerCertificate } from 'node:tls';
import { pemOfCertificate } from '../../base/certificates/pem.ts';
import { ok, type Result, refuse } from '../../base/fault.ts';
import type { Timers } from '../../base/time.ts';
import { coordinatorServerName } from '../../proto/wire-names.ts';
import type { Address } from './address.ts';

export type FirstContactFault = 'COORDINATOR_UNREACHABLE' | 'AUTHORITY_NOT_PRESENTED';

const chainLengthMax = 8;

/**
 * The federation's root certificate (PEM), learnt from a handshake: the presented certificate whose SHA-256 is the
 * fingerprint of the join token. Nothing is sent to that peer, and presenting a public certificate proves nothing:
 * the caller must now connect again and trust only this root.
 */
export async function learnAuthority(
  address: Address,
  fingerprint: string,
  timeoutMs: number,
  timers: Timers,
): Promise<Result<string, FirstContactFault>> {
  const chain = await presentedChain(address, timeoutMs, timers);
  if (!chain.ok) return chain;
  const root = chain.value.find((der) => createHash('sha256').update(der).digest('hex') === fingerprint);
  if (root === undefined) {
    return refuse(
      'AUTHORITY_NOT_PRESENTED',
      `${address.text} presented ${chain.value.length} certificates, none with the token's fingerprint; the address is wrong, the token is of another federation, or someone stands in between`,
      { address: address.text, presented: chain.value.length },
    );
  }
  return ok(pemOfCertificate(root));
}

function presentedChain(
  address: Address,
  timeoutMs: number,
  timers: Timers,
): Promise<Result<Buffer[], FirstContactFault>> {
  return new Promise((resolve) => {
    const unreachable = (why: string) =>
      finish(
        refuse('COORDINATOR_UNREACHABLE', `no TLS handshake with ${address.text}: ${why}`, { address: address.text }),
      );
    const socket = connect({
      host: address.host,
      port: address.port,
      servername: coordinatorServerName,
      minVersion: 'TLSv1.3',
      ALPNProtocols: ['h2'],
      // The chain is judged by fingerprint above; this connection carries nothing.
      rejectUnauthorized: false,
    });
    const timer = timers.after(timeoutMs, () => unreachable(`no answer within ${timeoutMs} ms`));
    const finish = (result: Result<Buffer[], FirstContactFault>) => {
      timers.cancel(timer);
      socket.destroy();
      resolve(result);
    };
    socket.on('secureConnect', () => finish(ok(chainOf(socket.getPeerCertificate(true)))));
    socket.on('error', (error) => unreachable((error as NodeJS.ErrnoException).code ?? error.message));
    socket.on('end', () => unreachable('the peer hung up'));
  });
}

function chainOf(leaf: DetailedPeerCertificate): Buffer[] {
  const chain: Buffer[] = [];
  let certificate: (PeerCertificate & { issuerCertificate?: DetailedPeerCertificate }) | undefined = leaf;
  while (certificate?.raw !== undefined && chain.length < chainLengthMax) {
    chain.push(certificate.raw);
    // A self-signed root is its own issuer.
    if (certificate.issuerCertificate === certificate) break;
    certificate = certificate.issuerCertificate;
  }
  return chain;
}
