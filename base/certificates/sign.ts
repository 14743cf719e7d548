import type { webcrypto } from 'node:crypto';
import { backdateMs } from './backdate.ts';
import { certificateAlgorithm, x509 } from './x509.ts';

export type X509Certificate = InstanceType<typeof x509.X509Certificate>;
type KeyPair = Readonly<{ publicKey: webcrypto.CryptoKey; privateKey: webcrypto.CryptoKey }>;

export type LeafPlan = Readonly<{
  /** Hexadecimal, positive. */
  serial: string;
  subject: string;
  /** Whose key it is: a key, or its SPKI in DER. */
  publicKey: Uint8Array | webcrypto.CryptoKey;
  names: readonly Readonly<{ type: 'url' | 'dns' | 'ip'; value: string }>[];
  /** Of `x509.ExtendedKeyUsage`. */
  usage: string;
  issuedAtMs: number;
  expiresAtMs: number;
}>;

/** A certificate of somebody who connects or listens, and who may sign no other. */
export async function signLeaf(
  issuer: X509Certificate,
  issuerKey: webcrypto.CryptoKey,
  { serial, subject, publicKey, names, usage, issuedAtMs, expiresAtMs }: LeafPlan,
): Promise<X509Certificate> {
  return await x509.X509CertificateGenerator.create({
    serialNumber: serial,
    subject,
    issuer: issuer.subject,
    notBefore: new Date(issuedAtMs - backdateMs),
    notAfter: new Date(expiresAtMs),
    publicKey: publicKey as never,
    signingKey: issuerKey as never,
    signingAlgorithm: certificateAlgorithm,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([usage], false),
      new x509.SubjectAlternativeNameExtension([...names], false),
      await x509.AuthorityKeyIdentifierExtension.create(issuer.publicKey),
    ],
  });
}

export type RootPlan = Readonly<{
  /** Hexadecimal, positive. */
  serial: string;
  name: string;
  keys: KeyPair;
  /** Authorities that may stand between it and a leaf. */
  pathLength: number;
  issuedAtMs: number;
  expiresAtMs: number;
}>;

/** An authority that vouches for itself. */
export async function signRoot(plan: RootPlan): Promise<X509Certificate> {
  const { serial, name, keys, pathLength, issuedAtMs, expiresAtMs } = plan;
  return await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serial,
    name,
    notBefore: new Date(issuedAtMs - backdateMs),
    notAfter: new Date(expiresAtMs),
    keys: keys as never,
    signingAlgorithm: certificateAlgorithm,
    extensions: [
      new x509.BasicConstraintsExtension(true, pathLength, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey as never),
    ],
  });
}
