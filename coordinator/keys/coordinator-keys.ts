import { createPrivateKey, randomBytes, X509Certificate } from 'node:crypto';
import { writeNewFile } from '../../base/atomic-file.ts';
import { ok, type Result, refuse } from '../../base/fault.ts';
import { type SigningKeyPair, signingKeyPairOf } from '../../proto/envelope/crypto/keys.ts';
import type { FederationId } from '../../proto/ids.ts';
import { Authority, makeAuthority, makeIssuer } from './authority.ts';
import type { IdentityPlace } from './key-place.ts';
import { Vault, type VaultFaultCode } from './vault.ts';

export type CoordinatorKeysFaultCode =
  | VaultFaultCode
  | 'FEDERATION_MISMATCH'
  | 'AUTHORITY_DAMAGED'
  | 'DATA_DIR_LOCKED'
  | 'DATA_DIR_UNUSABLE'
  | 'DISK_FULL';

/** What makes a coordinator this coordinator: its authority, its receipt key, and the vault that its keys lie in. */
export type CoordinatorKeys = Readonly<{ vault: Vault; authority: Authority; receiptKey: SigningKeyPair }>;

const keyNames = {
  root: 'root-key',
  issuer: 'issuer-key',
  nextIssuer: 'issuer-key-next',
  receipt: 'receipt-key',
} as const;

/**
 * Opens the keys that lie in a place, or makes them at the first start. The root certificate is written last: without it,
 * founding is begun again.
 */
export async function openCoordinatorKeys(
  place: IdentityPlace,
  federation: FederationId,
  masterKey: string,
  nowMs: number,
): Promise<Result<CoordinatorKeys, CoordinatorKeysFaultCode>> {
  const isFounded = (await place.readCertificate('root')) !== undefined;
  const opened = isFounded
    ? await Vault.openIn(place.secrets, masterKey)
    : await place.alone((own) => found(own, federation, masterKey, nowMs));
  if (!opened.ok) return opened;
  const vault = opened.value.reachedBy(place.secrets);
  const [root, issuer] = [await place.readCertificate('root'), await place.readCertificate('issuer')];
  const issuerKeys = [await vault.get(keyNames.issuer), await vault.get(keyNames.nextIssuer)];
  const receiptSeed = await vault.get(keyNames.receipt);
  if (root === undefined || issuer === undefined || issuerKeys[0] === undefined || receiptSeed === undefined) {
    return refuse(
      'AUTHORITY_DAMAGED',
      `${place.name}: a certificate or a key of the authority is missing; restore identity/ and keys/ together`,
    );
  }
  const key = issuerKeys
    .flatMap((bytes) => bytes ?? [])
    .map(textOf)
    .find((pem) => belongsTo(issuer, pem));
  if (key === undefined) {
    return refuse(
      'AUTHORITY_DAMAGED',
      `${place.name}: the issuer's certificate and its key do not belong together; restore identity/ and keys/ together`,
    );
  }
  const owner = /^O=(.*)$/m.exec(new X509Certificate(root).subject)?.[1];
  if (owner !== federation) {
    return refuse('FEDERATION_MISMATCH', `${place.name} belongs to federation ${owner}, not ${federation}`);
  }
  const authority = await Authority.load(federation, root, { certificate: issuer, key });
  return ok({ vault, authority, receiptKey: signingKeyPairOf(receiptSeed) });
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('utf8');
}

function belongsTo(certificate: string, privateKey: string): boolean {
  return new X509Certificate(certificate).checkPrivateKey(createPrivateKey(privateKey));
}

async function found(
  place: IdentityPlace,
  federation: FederationId,
  masterKey: string,
  nowMs: number,
): Promise<Result<Vault, CoordinatorKeysFaultCode>> {
  const opened = await Vault.openIn(place.secrets, masterKey);
  if (!opened.ok) return opened;
  if ((await place.readCertificate('root')) !== undefined) return opened; // Someone founded it before we had the lock.
  if (place.hasJournal?.() && (await opened.value.get(keyNames.issuer)) !== undefined) {
    // Founding again would write over the keys of the authority that every cluster and operator trusts.
    return refuse(
      'AUTHORITY_DAMAGED',
      `${place.name}: identity/ is lost, of a coordinator that has run; restore it from a backup. Where there is none, move keys/${keyNames.issuer} away: then a new authority is made, and clusters and operators enrol again`,
    );
  }
  const made = await makeAuthority(federation, nowMs);
  await opened.value.put(keyNames.root, Buffer.from(made.root.key));
  await opened.value.put(keyNames.issuer, Buffer.from(made.issuer.key));
  await opened.value.put(keyNames.receipt, randomBytes(32));
  await place.writeCertificate('issuer', made.issuer.certificate);
  await place.writeCertificate('root', made.root.certificate);
  return opened;
}

/** Whether the root's key is in the data directory: online. */
export async function holdsRootKey(vault: Vault): Promise<boolean> {
  return (await vault.get(keyNames.root)) !== undefined;
}

/** Moves the root's key out of the data directory into a file of its own: for a safe. From then on it is offline. */
export async function exportRootKey(vault: Vault, to: string): Promise<Result<void, 'ROOT_KEY_ABSENT'>> {
  const key = await vault.get(keyNames.root);
  if (key === undefined)
    return refuse('ROOT_KEY_ABSENT', 'the root key is not with the coordinator: it is offline already');
  writeNewFile(to, key);
  await vault.destroy(keyNames.root);
  return ok(undefined);
}

/** A new issuer under the old root, for when the old one is near its end or its key may be known. */
export async function replaceIssuer(
  place: IdentityPlace,
  { vault, authority }: CoordinatorKeys,
  rootKey: string | undefined,
  nowMs: number,
): Promise<Result<void, 'ROOT_KEY_ABSENT'>> {
  const kept = rootKey ?? (await vault.get(keyNames.root));
  if (kept === undefined)
    return refuse('ROOT_KEY_ABSENT', 'the root key is offline; give the file that it was exported to');
  const key = Buffer.from(kept).toString('utf8');
  const issuer = await makeIssuer(authority.federation, { certificate: authority.rootCertificate, key }, nowMs);
  const [old, next] = [await place.readCertificate('issuer'), await vault.get(keyNames.nextIssuer)];
  // The key of a renewal that was ended before its last write, and the only one that belongs to the certificate.
  if (old !== undefined && next !== undefined && belongsTo(old, textOf(next))) await vault.put(keyNames.issuer, next);
  // Whatever ends this in between, one of the two keys belongs to the certificate that is there.
  await vault.put(keyNames.nextIssuer, Buffer.from(issuer.key));
  await place.writeCertificate('issuer', issuer.certificate);
  await vault.put(keyNames.issuer, Buffer.from(issuer.key));
  await vault.destroy(keyNames.nextIssuer);
  return ok(undefined);
}
