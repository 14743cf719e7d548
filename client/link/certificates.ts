import { createPrivateKey, X509Certificate } from 'node:crypto';
import { pemOfCertificate } from '../../base/certificates/pem.ts';
import { ok, type Result, refuse } from '../../base/fault.ts';
import type { EpochMs } from '../../base/time.ts';
import type { ClusterId, FederationId } from '../../proto/ids.ts';

const certificateBytesMax = 8_192;
/** Extended key usage: what a TLS client presents (RFC 5280, 4.2.1.12). */
const clientAuthentication = '1.3.6.1.5.5.7.3.2';

/** What an issued chain must be, to be of use. */
export type ExpectedChain = Readonly<{
  tlsKeyPem: string;
  authorityPem: string;
  federation: FederationId;
  cluster: ClusterId;
  /** When it was issued by the coordinator's clock, as its answer says: ours may be wrong. 0 where that is not said. */
  issuedAtMs?: EpochMs;
  /** The chain that it would replace, PEM: a renewal may not end sooner, nor, while that one holds, begin after its end. */
  replaces?: string;
}>;

/**
 * The PEM chain of what an enrolment or a renewal returned, after checking that the leaf is for our key and our name, that
 * it is of use now, and that the chain leads to our root: a client must not replace a working certificate by one that no
 * coordinator will take.
 */
export function acceptChain(
  chain: readonly Uint8Array[],
  expected: ExpectedChain,
): Result<string, 'CERTIFICATE_UNUSABLE'> {
  if (chain.length < 1 || chain.length > 4 || chain.some((der) => der.length > certificateBytesMax)) {
    return unusable('expected 1 to 4 certificates of at most 8 KiB');
  }
  try {
    const certificates = chain.map((der) => new X509Certificate(der));
    const why =
      faultOfLeaf(certificates[0] as X509Certificate, expected) ?? faultOfPath(certificates, expected.authorityPem);
    return why === undefined
      ? ok(certificates.map((certificate) => pemOfCertificate(certificate.raw)).join(''))
      : unusable(why);
  } catch {
    return unusable('a certificate is not DER');
  }
}

function faultOfLeaf(leaf: X509Certificate, expected: ExpectedChain): string | undefined {
  const { tlsKeyPem, federation, cluster, issuedAtMs = 0, replaces } = expected;
  if (!leaf.checkPrivateKey(createPrivateKey(tlsKeyPem))) return 'the leaf is for another key';
  const name = `URI:spiffe://${federation}/cluster/${cluster}`;
  if (leaf.subjectAltName !== name) return `the leaf is not for ${cluster} of ${federation}`;
  if (leaf.keyUsage?.includes(clientAuthentication) !== true) return 'the leaf is not for TLS clients';
  const [fromMs, untilMs] = [Date.parse(leaf.validFrom), Date.parse(leaf.validTo)];
  if (!(untilMs > fromMs)) return 'the leaf has no time in which it holds';
  if (untilMs <= issuedAtMs) return 'the leaf had ended when it was issued';
  if (replaces === undefined) return undefined;
  const endsMs = expiryOf(replaces);
  if (untilMs < endsMs) return 'the leaf ends before the one that it would replace';
  return fromMs > endsMs ? 'the leaf begins after the end of the one that it would replace' : undefined;
}

function faultOfPath(certificates: readonly X509Certificate[], authorityPem: string): string | undefined {
  const root = new X509Certificate(authorityPem);
  const above = [...certificates.slice(1), root];
  for (const [index, certificate] of certificates.entries()) {
    const issuer = above[index] as X509Certificate;
    // The root may be sent too, and is then its own issuer.
    if (certificate.fingerprint256 === root.fingerprint256) return undefined;
    if (!issuer.ca || !certificate.verify(issuer.publicKey)) return 'the chain does not lead to our root';
  }
  return undefined;
}

/** When the chain's leaf ends, milliseconds since the epoch. */
export function expiryOf(chainPem: string): number {
  return Date.parse(new X509Certificate(chainPem).validTo);
}

/** Whether the chain's leaf holds at that time. */
export function isInForce(chainPem: string, atMs: EpochMs): boolean {
  const { validFrom, validTo } = new X509Certificate(chainPem);
  return Date.parse(validFrom) <= atMs && atMs < Date.parse(validTo);
}

/** Two thirds through the certificate's life, by the clock that issued it. */
export function renewalDueMs(chainPem: string): number {
  const { validFrom, validTo } = new X509Certificate(chainPem);
  return Date.parse(validTo) - (Date.parse(validTo) - Date.parse(validFrom)) / 3;
}

function unusable(why: string) {
  return refuse('CERTIFICATE_UNUSABLE', `the issued certificate cannot be used: ${why}`);
}
