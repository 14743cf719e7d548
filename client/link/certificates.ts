import { createPrivateKey, X509Certificate } from 'node:crypto';
import { ok, type Result, refuse } from '../../base/fault.ts';
import { pemOf } from './first-contact.ts';

const certificateBytesMax = 8_192;

/**
 * The PEM chain of what an enrolment or a renewal returned, after checking that the leaf is for our key and that the
 * chain leads to our root: a client must not replace a working certificate by one that no coordinator will take.
 */
export function acceptChain(
  chain: readonly Uint8Array[],
  tlsKeyPem: string,
  authorityPem: string,
): Result<string, 'CERTIFICATE_UNUSABLE'> {
  if (chain.length < 1 || chain.length > 4 || chain.some((der) => der.length > certificateBytesMax)) {
    return unusable('expected 1 to 4 certificates of at most 8 KiB');
  }
  try {
    const certificates = chain.map((der) => new X509Certificate(der));
    const leaf = certificates[0] as X509Certificate;
    if (!leaf.checkPrivateKey(createPrivateKey(tlsKeyPem))) return unusable('the leaf is for another key');
    const root = new X509Certificate(authorityPem);
    const above = [...certificates.slice(1), root];
    for (const [index, certificate] of certificates.entries()) {
      const issuer = above[index] as X509Certificate;
      // The root may be sent too, and is then its own issuer.
      if (certificate.fingerprint256 === root.fingerprint256) break;
      if (!certificate.verify(issuer.publicKey)) return unusable('the chain does not lead to our root');
    }
    return ok(certificates.map((certificate) => pemOf(certificate)).join(''));
  } catch {
    return unusable('a certificate is not DER');
  }
}

/** When the chain's leaf ends, milliseconds since the epoch. */
export function expiryOf(chainPem: string): number {
  return Date.parse(new X509Certificate(chainPem).validTo);
}

/** Two thirds through the certificate's life, by the clock that issued it. */
export function renewalDueMs(chainPem: string): number {
  const { validFrom, validTo } = new X509Certificate(chainPem);
  return Date.parse(validTo) - (Date.parse(validTo) - Date.parse(validFrom)) / 3;
}

function unusable(why: string) {
  return refuse('CERTIFICATE_UNUSABLE', `the issued certificate cannot be used: ${why}`);
}
