import { randomBytes, type webcrypto, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isMissing, makeFolder, privateFolderMode, writeFileAtomic } from '../../base/atomic-file.ts';
import { publicKeyOfRequest } from '../../base/certificates/certificate-request.ts';
import { type LeafPlan, type X509Certificate as Signer, signLeaf, signRoot } from '../../base/certificates/sign.ts';
import { exportPrivateKey, importPrivateKey, makeCertificateKeyPair, x509 } from '../../base/certificates/x509.ts';
import { ok, type Result, refuse } from '../../base/fault.ts';
import type { EpochMs } from '../../base/time.ts';
import { hubServerName } from '../../proto/wire-names.ts';
import { openRecord, recordKey, sealRecord } from '../storage/sealed-record.ts';
import { type HubPeer, uriOfPeer } from './peer-name.ts';

const dayMs = 86_400_000;

/** What the hub's listeners show, and its term. */
export type HubIdentity = Readonly<{ chain: string; key: string; issuedAtMs: EpochMs; expiresAtMs: EpochMs }>;

const lifetimes = { authorityMs: 3_650 * dayMs, serverMs: 90 * dayMs } as const;
const place = 'hub-authority';

/** PEM both. */
export type KeyedCertificate = Readonly<{ certificate: string; key: string }>;

export type AuthorityFaultCode = 'HUB_AUTHORITY_UNUSABLE';

/** The small authority of one hub: it vouches for the hub's own server, and for the sensors and the agent of one cluster. */
export class HubAuthority {
  /** PEM: what sensors trust. */
  readonly certificate: string;
  readonly #issuer: Signer;
  readonly #key: webcrypto.CryptoKey;

  private constructor(certificate: string, key: webcrypto.CryptoKey) {
    this.certificate = certificate;
    this.#issuer = new x509.X509Certificate(certificate);
    this.#key = key;
  }

  static async of(keyed: KeyedCertificate): Promise<Result<HubAuthority, AuthorityFaultCode>> {
    try {
      const certificate = new X509Certificate(keyed.certificate);
      if (!certificate.ca) return unusable('its certificate is no authority: basic constraints do not say CA');
      return ok(new HubAuthority(certificate.toString(), await importPrivateKey(keyed.key)));
    } catch (error) {
      return unusable(`${(error as Error).message}; it needs a PEM certificate and its P-256 key in PKCS #8`);
    }
  }

  /** A peer's certificate for the key of its PKCS #10 request, leaf first, DER, and when it ends: with the authority's at the latest. */
  async issue(
    peer: HubPeer,
    request: Uint8Array,
    times: Readonly<{ nowMs: number; lifetimeMs: number }>,
  ): Promise<Result<Readonly<{ chain: readonly Buffer[]; expiresAtMs: EpochMs }>, 'CERTIFICATE_REQUEST_INVALID'>> {
    const spki = await publicKeyOfRequest(request, ['prime256v1']);
    if (!spki.ok) return spki;
    const names = [{ type: 'url' as const, value: uriOfPeer(peer) }];
    const leaf = await this.#sign(spki.value, names, x509.ExtendedKeyUsage.clientAuth, times);
    const chain = [Buffer.from(leaf.rawData), Buffer.from(this.#issuer.rawData)];
    return ok({ chain, expiresAtMs: leaf.notAfter.getTime() });
  }

  /** A fresh key and certificate for the hub's own listeners. */
  async issueServer(nowMs: EpochMs): Promise<HubIdentity> {
    const keys = await makeCertificateKeyPair();
    const names = [{ type: 'dns' as const, value: hubServerName }];
    const times = { nowMs, lifetimeMs: lifetimes.serverMs };
    const leaf = await this.#sign(keys.publicKey, names, x509.ExtendedKeyUsage.serverAuth, times);
    const chain = `${leaf.toString('pem')}\n${this.certificate}`;
    const key = await exportPrivateKey(keys.privateKey);
    return { chain, key, issuedAtMs: nowMs, expiresAtMs: leaf.notAfter.getTime() };
  }

  async #sign(
    publicKey: Uint8Array | webcrypto.CryptoKey,
    names: LeafPlan['names'],
    usage: string,
    { nowMs, lifetimeMs }: Readonly<{ nowMs: number; lifetimeMs: number }>,
  ): Promise<Signer> {
    const expiresAtMs = Math.min(nowMs + lifetimeMs, this.#issuer.notAfter.getTime());
    const plan = { serial: serial(), subject: 'O=testudo', publicKey, names, usage, issuedAtMs: nowMs, expiresAtMs };
    return await signLeaf(this.#issuer, this.#key, plan);
  }
}

/** A new authority: what an installation puts into a Secret beforehand, and what a hub without one makes itself. */
export async function makeHubAuthority(nowMs: number): Promise<KeyedCertificate> {
  const keys = await makeCertificateKeyPair();
  const certificate = await signRoot({
    serial: serial(),
    name: 'CN=Testudo hub, O=testudo',
    keys,
    pathLength: 0,
    issuedAtMs: nowMs,
    expiresAtMs: nowMs + lifetimes.authorityMs,
  });
  return { certificate: `${certificate.toString('pem')}\n`, key: await exportPrivateKey(keys.privateKey) };
}

/**
 * The authority of the configured files; else the one beside the data, made at the first start and sealed under the data
 * key, with its certificate in `hub/authority.pem` for the sensors' side.
 */
export async function openHubAuthority(
  dataDirectory: string,
  files: Readonly<{ certificateFile: string; keyFile: string }> | undefined,
  dataKey: Uint8Array,
  nowMs: number,
): Promise<Result<HubAuthority, AuthorityFaultCode>> {
  if (files !== undefined) {
    try {
      const [certificate, key] = await Promise.all([
        readFile(files.certificateFile, 'utf8'),
        readFile(files.keyFile, 'utf8'),
      ]);
      return await HubAuthority.of({ certificate, key });
    } catch (error) {
      return unusable(
        `${files.certificateFile} and ${files.keyFile} cannot be read (${String((error as Error).message)})`,
      );
    }
  }
  const folder = join(dataDirectory, 'hub');
  const path = join(folder, 'authority.sealed');
  const key = recordKey(dataKey, 'hub-authority');
  const sealed = await readFile(path).catch((error: unknown) => {
    if (isMissing(error)) return undefined;
    throw error;
  });
  if (sealed === undefined) {
    const made = await makeHubAuthority(nowMs);
    makeFolder(folder, privateFolderMode);
    // The sealed one last: as long as it is missing, the next start makes both anew.
    await writeFileAtomic(join(folder, 'authority.pem'), made.certificate);
    await writeFileAtomic(path, sealRecord(key, Buffer.from(JSON.stringify(made)), place));
    return await HubAuthority.of(made);
  }
  const opened = openRecord(key, sealed, place);
  if (!opened.ok) return unusable(opened.fault.message);
  return await HubAuthority.of(JSON.parse(opened.value.toString('utf8')) as KeyedCertificate);
}

/** Positive, unique, 16 bytes. */
function serial(): string {
  return `01${randomBytes(15).toString('hex')}`;
}

function unusable(why: string): Result<never, AuthorityFaultCode> {
  return refuse('HUB_AUTHORITY_UNUSABLE', `the hub's authority: ${why}`);
}
