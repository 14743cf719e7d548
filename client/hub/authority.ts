// @peculiar/x509 needs the metadata shim before it loads.
import 'reflect-metadata';
import { createPublicKey, randomBytes, webcrypto, X509Certificate } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as x509 from '@peculiar/x509';
import { isMissing, privateFolderMode, writeFileAtomic } from '../../base/atomic-file.ts';
import { ok, type Result, refuse } from '../../base/fault.ts';
import { hubServerName } from '../../proto/wire-names.ts';
import { openRecord, recordKey, sealRecord } from '../storage/sealed-record.ts';
import { uriOfNode } from './node-name.ts';

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const dayMs = 86_400_000;
const lifetimes = { authorityMs: 3_650 * dayMs, serverMs: 90 * dayMs } as const;
/** Clocks of nodes may lag by this much. */
const backdateMs = 5 * 60_000;
const requestBytesMax = 8_192;
const place = 'hub-authority';

/** PEM both. */
export type KeyedCertificate = Readonly<{ certificate: string; key: string }>;

export type AuthorityFaultCode = 'HUB_AUTHORITY_UNUSABLE';

/** The small authority of one hub: it vouches for the hub's own server and for the sensors of one cluster, for nobody else. */
export class HubAuthority {
  /** PEM: what sensors trust. */
  readonly certificate: string;
  readonly #issuer: x509.X509Certificate;
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
      const der = Buffer.from(keyed.key.replace(/-----[^-]+-----|\s/g, ''), 'base64');
      const key = await webcrypto.subtle.importKey('pkcs8', der, algorithm, false, ['sign']);
      return ok(new HubAuthority(certificate.toString(), key));
    } catch (error) {
      return unusable(`${(error as Error).message}; it needs a PEM certificate and its P-256 key in PKCS #8`);
    }
  }

  /** A sensor's certificate for the key of its PKCS #10 request, leaf first, DER. */
  async issue(
    node: string,
    request: Uint8Array,
    times: Readonly<{ nowMs: number; lifetimeMs: number }>,
  ): Promise<Result<readonly Buffer[], 'CERTIFICATE_REQUEST_INVALID'>> {
    const spki = await publicKeyOf(request);
    if (!spki.ok) return spki;
    const names = [{ type: 'url' as const, value: uriOfNode(node) }];
    const leaf = await this.#sign(spki.value, names, x509.ExtendedKeyUsage.clientAuth, times);
    return ok([Buffer.from(leaf.rawData), Buffer.from(this.#issuer.rawData)]);
  }

  /** A fresh key and certificate for the hub's own listeners. */
  async issueServer(nowMs: number): Promise<Readonly<{ chain: string; key: string }>> {
    const keys = await newKeys();
    const names = [{ type: 'dns' as const, value: hubServerName }];
    const times = { nowMs, lifetimeMs: lifetimes.serverMs };
    const leaf = await this.#sign(keys.publicKey, names, x509.ExtendedKeyUsage.serverAuth, times);
    return { chain: `${leaf.toString('pem')}\n${this.certificate}`, key: await pemOfKey(keys.privateKey) };
  }

  async #sign(
    publicKey: Uint8Array | webcrypto.CryptoKey,
    names: readonly Readonly<{ type: 'url' | 'dns'; value: string }>[],
    usage: string,
    { nowMs, lifetimeMs }: Readonly<{ nowMs: number; lifetimeMs: number }>,
  ): Promise<x509.X509Certificate> {
    return await x509.X509CertificateGenerator.create({
      serialNumber: serial(),
      subject: 'O=testudo',
      issuer: this.#issuer.subject,
      notBefore: new Date(nowMs - backdateMs),
      notAfter: new Date(Math.min(nowMs + lifetimeMs, this.#issuer.notAfter.getTime())),
      publicKey: publicKey as never,
      signingKey: this.#key as never,
      signingAlgorithm: algorithm,
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
        new x509.ExtendedKeyUsageExtension([usage], false),
        new x509.SubjectAlternativeNameExtension([...names], false),
        await x509.AuthorityKeyIdentifierExtension.create(this.#issuer.publicKey),
      ],
    });
  }
}

/** A new authority: what an installation puts into a Secret beforehand, and what a hub without one makes itself. */
export async function makeHubAuthority(nowMs: number): Promise<KeyedCertificate> {
  const keys = await newKeys();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serial(),
    name: 'CN=Testudo hub, O=testudo',
    notBefore: new Date(nowMs - backdateMs),
    notAfter: new Date(nowMs + lifetimes.authorityMs),
    keys: keys as never,
    signingAlgorithm: algorithm,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey as never),
    ],
  });
  return { certificate: `${certificate.toString('pem')}\n`, key: await pemOfKey(keys.privateKey) };
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
    await mkdir(folder, { recursive: true, mode: privateFolderMode });
    await writeFileAtomic(path, sealRecord(key, Buffer.from(JSON.stringify(made)), place));
    await writeFileAtomic(join(folder, 'authority.pem'), made.certificate);
    return await HubAuthority.of(made);
  }
  const opened = openRecord(key, sealed, place);
  if (!opened.ok) return unusable(opened.fault.message);
  return await HubAuthority.of(JSON.parse(opened.value.toString('utf8')) as KeyedCertificate);
}

/** The SPKI that a request asks a certificate for: its self-signature holds, so the applicant has the key. */
async function publicKeyOf(der: Uint8Array): Promise<Result<Buffer, 'CERTIFICATE_REQUEST_INVALID'>> {
  const invalid = (why: string) => refuse('CERTIFICATE_REQUEST_INVALID', `certificate request: ${why}`);
  if (der.byteLength === 0 || der.byteLength > requestBytesMax)
    return invalid(`expected 1 to ${requestBytesMax} bytes`);
  try {
    const request = new x509.Pkcs10CertificateRequest(Buffer.from(der));
    const spki = Buffer.from(request.publicKey.rawData);
    const { asymmetricKeyDetails } = createPublicKey({ key: spki, format: 'der', type: 'spki' });
    if (asymmetricKeyDetails?.namedCurve !== 'prime256v1') return invalid('its key is not on P-256');
    return (await request.verify()) ? ok(spki) : invalid('its signature does not fit its key');
  } catch {
    return invalid('it is not a PKCS #10 request in DER');
  }
}

function newKeys() {
  return webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
}

async function pemOfKey(key: webcrypto.CryptoKey): Promise<string> {
  const body = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', key)).toString('base64');
  return `-----BEGIN PRIVATE KEY-----\n${(body.match(/.{1,64}/g) ?? []).join('\n')}\n-----END PRIVATE KEY-----\n`;
}

/** Positive, unique, 16 bytes. */
function serial(): string {
  return `01${randomBytes(15).toString('hex')}`;
}

function unusable(why: string): Result<never, AuthorityFaultCode> {
  return refuse('HUB_AUTHORITY_UNUSABLE', `the hub's authority: ${why}`);
}
