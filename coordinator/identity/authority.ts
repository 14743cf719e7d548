import { createHash, randomBytes, type webcrypto, X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import type { FederationId } from '../../proto/ids.ts';
import { coordinatorServerName } from '../../proto/wire-names.ts';
import { type Identity, spiffeId } from './spiffe.ts';
import {
  certificateAlgorithm,
  exportPrivateKey,
  importPrivateKey,
  makeCertificateKeyPair,
  pemOfDer,
  x509,
} from './x509.ts';

const dayMs = 86_400_000;
/** Clocks of clusters may lag by this much. */
const backdateMs = 5 * 60_000;

export const lifetimes = { rootMs: 3650 * dayMs, issuerMs: 1825 * dayMs } as const;

/** A certificate and the key that goes with it, PEM both. */
export type KeyedCertificate = Readonly<{ certificate: string; key: string }>;

/** What first start makes: the root, whose key may go to a safe at once, and the issuer that it signed. */
export type NewAuthority = Readonly<{ root: KeyedCertificate; issuer: KeyedCertificate }>;

export type IssuedCertificate = Readonly<{
  /** DER: leaf, issuer, root. */
  chain: readonly Buffer[];
  /** Lower-case hexadecimal. The first 6 bytes after the leading 01 are the time of issue: see `issuedAtMs`. */
  serial: string;
  expiresAtMs: number;
}>;

export async function makeAuthority(federation: FederationId, nowMs: number): Promise<NewAuthority> {
  const keys = await makeCertificateKeyPair();
  const root = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: makeSerial(nowMs),
    name: `CN=Testudo root, O=${federation}`,
    notBefore: new Date(nowMs - backdateMs),
    notAfter: new Date(nowMs + lifetimes.rootMs),
    keys: keys as never,
    signingAlgorithm: certificateAlgorithm,
    extensions: [
      new x509.BasicConstraintsExtension(true, 1, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey as never),
    ],
  });
  const keyed = { certificate: root.toString('pem'), key: await exportPrivateKey(keys.privateKey) };
  return { root: keyed, issuer: await makeIssuer(federation, keyed, nowMs) };
}

/** An intermediate under the root: at first start, and again whenever the root's key is brought back to replace one. */
export async function makeIssuer(
  federation: FederationId,
  root: KeyedCertificate,
  nowMs: number,
): Promise<KeyedCertificate> {
  const keys = await makeCertificateKeyPair();
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: makeSerial(nowMs),
    subject: `CN=Testudo issuer, O=${federation}`,
    issuer: new x509.X509Certificate(root.certificate).subject,
    notBefore: new Date(nowMs - backdateMs),
    notAfter: new Date(nowMs + lifetimes.issuerMs),
    publicKey: keys.publicKey as never,
    signingKey: (await importPrivateKey(root.key)) as never,
    signingAlgorithm: certificateAlgorithm,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey as never),
      await x509.AuthorityKeyIdentifierExtension.create(new x509.X509Certificate(root.certificate).publicKey),
    ],
  });
  return { certificate: certificate.toString('pem'), key: await exportPrivateKey(keys.privateKey) };
}

/** Issues short-lived certificates. Holds the issuer's key; the root's key is never needed here. */
export class Authority {
  readonly federation: FederationId;
  /** PEM: what a peer trusts. */
  readonly rootCertificate: string;
  /** SHA-256 of the root's DER, hexadecimal: join tokens carry it. */
  readonly fingerprint: string;
  readonly #issuer: InstanceType<typeof x509.X509Certificate>;
  readonly #issuerKey: webcrypto.CryptoKey;
  readonly #chainTail: readonly Buffer[];

  private constructor(federation: FederationId, rootPem: string, issuerPem: string, issuerKey: webcrypto.CryptoKey) {
    const root = new X509Certificate(rootPem);
    const issuer = new X509Certificate(issuerPem);
    if (!issuer.verify(root.publicKey)) {
      throw new Error(
        'certificate authority: the issuer was not signed by the root beside it; restore both from one backup',
      );
    }
    this.federation = federation;
    this.rootCertificate = rootPem;
    this.fingerprint = createHash('sha256').update(root.raw).digest('hex');
    this.#issuer = new x509.X509Certificate(issuerPem);
    this.#issuerKey = issuerKey;
    this.#chainTail = [issuer.raw, root.raw];
  }

  static async load(federation: FederationId, rootCertificate: string, issuer: KeyedCertificate): Promise<Authority> {
    return new Authority(federation, rootCertificate, issuer.certificate, await importPrivateKey(issuer.key));
  }

  /** A certificate for a peer that will call us. */
  issue(
    identity: Identity,
    publicKey: Uint8Array | webcrypto.CryptoKey,
    nowMs: number,
    lifetimeMs: number,
  ): Promise<IssuedCertificate> {
    const names = [{ type: 'url' as const, value: spiffeId(identity) }];
    return this.#sign(publicKey, names, x509.ExtendedKeyUsage.clientAuth, nowMs, lifetimeMs);
  }

  /** A certificate and a fresh key for our own listeners, under `coordinator.testudo` and every name given. */
  async issueServer(hosts: readonly string[], nowMs: number, lifetimeMs: number) {
    const keys = await makeCertificateKeyPair();
    const names = [
      { type: 'url' as const, value: spiffeId({ kind: 'coordinator', federation: this.federation }) },
      ...[coordinatorServerName, ...hosts].map((host) =>
        isIP(host) !== 0 ? { type: 'ip' as const, value: host } : { type: 'dns' as const, value: host },
      ),
    ];
    const issued = await this.#sign(keys.publicKey, names, x509.ExtendedKeyUsage.serverAuth, nowMs, lifetimeMs);
    return { ...issued, key: await exportPrivateKey(keys.privateKey) };
  }

  async #sign(
    publicKey: Uint8Array | webcrypto.CryptoKey,
    names: ConstructorParameters<typeof x509.SubjectAlternativeNameExtension>[0] & unknown[],
    usage: string,
    nowMs: number,
    lifetimeMs: number,
  ): Promise<IssuedCertificate> {
    const serial = makeSerial(nowMs);
    const expiresAtMs = Math.min(nowMs + lifetimeMs, this.#issuer.notAfter.getTime());
    const leaf = await x509.X509CertificateGenerator.create({
      serialNumber: serial,
      subject: `O=${this.federation}`,
      issuer: this.#issuer.subject,
      notBefore: new Date(nowMs - backdateMs),
      notAfter: new Date(expiresAtMs),
      publicKey: publicKey as never,
      signingKey: this.#issuerKey as never,
      signingAlgorithm: certificateAlgorithm,
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
        new x509.ExtendedKeyUsageExtension([usage], false),
        new x509.SubjectAlternativeNameExtension(names, true), // Critical: it is the only name (RFC 5280, 4.1.2.6).
        await x509.AuthorityKeyIdentifierExtension.create(this.#issuer.publicKey),
      ],
    });
    // X.509 keeps whole seconds.
    return {
      chain: [Buffer.from(leaf.rawData), ...this.#chainTail],
      serial,
      expiresAtMs: Math.floor(expiresAtMs / 1000) * 1000,
    };
  }
}

/** PEM of a chain as TLS wants it. */
export function pemOfChain(chain: readonly Uint8Array[]): string {
  return chain.map(pemOfDer).join('');
}

/** 01, six bytes of time, nine random bytes: unique, never negative, and older certificates have smaller serials. */
function makeSerial(nowMs: number): string {
  return `01${Math.floor(nowMs).toString(16).padStart(12, '0')}${randomBytes(9).toString('hex')}`;
}

/** When a certificate of ours was issued, from its serial number. NaN for a serial that is not ours. */
export function issuedAtMs(serial: string): number {
  const digits = serial.toLowerCase().padStart(32, '0');
  return /^01[0-9a-f]{30}$/.test(digits) ? Number.parseInt(digits.slice(2, 14), 16) : Number.NaN;
}
