import { createHash, randomBytes, type webcrypto, X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { backdateMs } from '../../base/certificates/backdate.ts';
import { pemOfCertificate } from '../../base/certificates/pem.ts';
import { type X509Certificate as Signer, signLeaf, signRoot } from '../../base/certificates/sign.ts';
import {
  certificateAlgorithm,
  exportPrivateKey,
  importPrivateKey,
  makeCertificateKeyPair,
  x509,
} from '../../base/certificates/x509.ts';
import type { FederationId } from '../../proto/ids.ts';
import { coordinatorServerName } from '../../proto/wire-names.ts';
import { type Identity, spiffeId } from './spiffe.ts';

const dayMs = 86_400_000;

const lifetimes = { rootMs: 3650 * dayMs, issuerMs: 1825 * dayMs } as const;

/** A certificate and the key that goes with it, PEM both. */
export type KeyedCertificate = Readonly<{ certificate: string; key: string }>;

/** What first start makes: the root, whose key may go to a safe at once, and the issuer that it signed. */
export type NewAuthority = Readonly<{ root: KeyedCertificate; issuer: KeyedCertificate }>;

/** What a certificate will say about itself: decided, and journalled, before it is signed. */
export type CertificatePlan = Readonly<{
  /** Lower-case hexadecimal; tells when it was issued (`issuedAtMs`). */
  serial: string;
  issuedAtMs: number;
  /** A whole second: X.509 keeps no less. */
  expiresAtMs: number;
}>;

/** DER: leaf, issuer, root. */
export type CertificateChain = readonly Buffer[];

export async function makeAuthority(federation: FederationId, nowMs: number): Promise<NewAuthority> {
  const keys = await makeCertificateKeyPair();
  const root = await signRoot({
    serial: serialOf(nowMs, randomBytes(9)),
    name: `CN=Testudo root, O=${federation}`,
    keys,
    pathLength: 1,
    issuedAtMs: nowMs,
    expiresAtMs: nowMs + lifetimes.rootMs,
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
    serialNumber: serialOf(nowMs, randomBytes(9)),
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
  readonly #issuer: Signer;
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

  /** Pure, so that a journal entry can hold it: `random` is 9 fresh random bytes. */
  plan(atMs: number, lifetimeMs: number, random: Uint8Array): CertificatePlan {
    const expiresAtMs = Math.min(atMs + lifetimeMs, this.#issuer.notAfter.getTime());
    return { serial: serialOf(atMs, random), issuedAtMs: atMs, expiresAtMs: Math.floor(expiresAtMs / 1000) * 1000 };
  }

  /** A certificate for a peer that will call us, for a public key in DER (SPKI). */
  issue(identity: Identity, publicKey: Uint8Array, plan: CertificatePlan): Promise<CertificateChain> {
    const names = [{ type: 'url' as const, value: spiffeId(identity) }];
    return this.#sign(publicKey, names, x509.ExtendedKeyUsage.clientAuth, plan);
  }

  /** A chain and a fresh key for our own listeners, under `coordinator.testudo` and every host name or address given. */
  async issueServer(
    hosts: readonly string[],
    plan: CertificatePlan,
  ): Promise<{ chain: CertificateChain; key: string }> {
    const keys = await makeCertificateKeyPair();
    const names = serverNames({ kind: 'coordinator', federation: this.federation }, hosts);
    const chain = await this.#sign(keys.publicKey, names, x509.ExtendedKeyUsage.serverAuth, plan);
    return { chain, key: await exportPrivateKey(keys.privateKey) };
  }

  /** What a door shows to clusters, for a public key of its own: under a coordinator's name, and it says whose it is. */
  issueDoorServer(
    { name, hosts, publicKey }: Readonly<{ name: string; hosts: readonly string[]; publicKey: Uint8Array }>,
    plan: CertificatePlan,
  ): Promise<CertificateChain> {
    const identity = { kind: 'door', federation: this.federation, name } as const;
    return this.#sign(publicKey, serverNames(identity, hosts), x509.ExtendedKeyUsage.serverAuth, plan);
  }

  async #sign(
    publicKey: Uint8Array | webcrypto.CryptoKey,
    names: readonly Readonly<{ type: 'url' | 'dns' | 'ip'; value: string }>[],
    usage: string,
    { serial, issuedAtMs, expiresAtMs }: CertificatePlan,
  ): Promise<CertificateChain> {
    const subject = `O=${this.federation}`;
    const plan = { serial, subject, publicKey, names, usage, issuedAtMs, expiresAtMs };
    const leaf = await signLeaf(this.#issuer, this.#issuerKey, plan);
    return [Buffer.from(leaf.rawData), ...this.#chainTail];
  }
}

function serverNames(identity: Identity, hosts: readonly string[]) {
  return [
    { type: 'url' as const, value: spiffeId(identity) },
    ...[...new Set([coordinatorServerName, ...hosts])].map((value) => ({
      type: isIP(value) === 0 ? ('dns' as const) : ('ip' as const),
      value,
    })),
  ];
}

/** PEM of a chain as TLS wants it. */
export function pemOfChain(chain: readonly Uint8Array[]): string {
  return chain.map(pemOfCertificate).join('');
}

/** 01, six bytes of time, nine random bytes: unique, never negative, and older certificates have smaller serials. */
function serialOf(atMs: number, random: Uint8Array): string {
  return `01${Math.floor(atMs).toString(16).padStart(12, '0')}${Buffer.from(random).toString('hex')}`;
}

/** When a certificate of ours was issued, from its serial number. NaN for a serial that is not ours. */
export function issuedAtMs(serial: string): number {
  const digits = serial.toLowerCase().padStart(32, '0');
  return /^01[0-9a-f]{30}$/.test(digits) ? Number.parseInt(digits.slice(2, 14), 16) : Number.NaN;
}
