import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { isMissing, writeFileAtomic } from '../../base/atomic-file.ts';
import { ok, type Result, refuse } from '../../base/fault.ts';
import { type ClusterId, type FederationId, isClusterId, isFederationId } from '../../proto/ids.ts';
import { openRecord, type RecordKey, sealRecord } from '../storage/sealed-record.ts';

/** Everything that membership consists of. Holds private keys: never log it. */
export type ClusterIdentity = Readonly<{
  federation: FederationId;
  cluster: ClusterId;
  /** Root certificate, PEM: the only authority that this client trusts. */
  authorityPem: string;
  /** Own certificate chain, leaf first, PEM. */
  chainPem: string;
  /** When the chain was issued to us, by our clock. For people: what is due follows the clock that issued it. */
  certifiedAtMs: number;
  /** Private key of the leaf, PKCS #8 PEM. */
  tlsKeyPem: string;
  /** Seed of the Ed25519 key that signs updates, 32 bytes. */
  signingSeed: Uint8Array;
  /** The coordinator's Ed25519 key that signs receipts, 32 bytes. */
  receiptKey: Uint8Array;
}>;

export type IdentityFault = 'IDENTITY_MISSING' | 'IDENTITY_UNREADABLE';

const base64 = z.base64().transform((text) => new Uint8Array(Buffer.from(text, 'base64')));
const stored = z.strictObject({
  version: z.literal(1),
  federation: z.custom<FederationId>(isFederationId),
  cluster: z.custom<ClusterId>(isClusterId),
  authorityPem: z.string(),
  chainPem: z.string(),
  certifiedAtMs: z.int().nonnegative(),
  tlsKeyPem: z.string(),
  signingSeed: base64.refine((bytes) => bytes.length === 32),
  receiptKey: base64.refine((bytes) => bytes.length === 32),
});

const place = 'identity';

function identityPath(dataDir: string): string {
  return join(dataDir, 'identity.sealed');
}

/** One sealed file, replaced in one step: keys and certificates never disagree, whatever instant the power fails at. */
export async function saveIdentity(dataDir: string, key: RecordKey, identity: ClusterIdentity): Promise<void> {
  const text = JSON.stringify({
    version: 1,
    ...identity,
    signingSeed: Buffer.from(identity.signingSeed).toString('base64'),
    receiptKey: Buffer.from(identity.receiptKey).toString('base64'),
  });
  await writeFileAtomic(identityPath(dataDir), sealRecord(key, Buffer.from(text), place));
}

export async function loadIdentity(dataDir: string, key: RecordKey): Promise<Result<ClusterIdentity, IdentityFault>> {
  const path = identityPath(dataDir);
  let sealed: Buffer;
  try {
    sealed = await readFile(path);
  } catch (error) {
    if (isMissing(error)) {
      return refuse('IDENTITY_MISSING', `${path} does not exist: enrol this cluster with a join token`);
    }
    throw error;
  }
  const opened = openRecord(key, sealed, place);
  if (!opened.ok) {
    const remedy =
      'give it the data key that it had, or restore the file; where both are lost, move it away and enrol with a new join token';
    return refuse('IDENTITY_UNREADABLE', `${path}: ${opened.fault.message}; ${remedy}`);
  }
  let candidate: unknown;
  try {
    candidate = JSON.parse(opened.value.toString('utf8'));
  } catch {
    candidate = undefined;
  }
  const parsed = stored.safeParse(candidate);
  if (!parsed.success) {
    return refuse('IDENTITY_UNREADABLE', `${path} was written by another build; use that build or enrol again`);
  }
  const { version: _, ...identity } = parsed.data;
  return ok(identity);
}
