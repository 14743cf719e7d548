import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isMissing, writeFileAtomic } from '../../base/atomic-file.ts';
import { type SigningKeyPair, signingKeyPairOf } from '../../proto/envelope/crypto/keys.ts';
import type { FederationId } from '../../proto/ids.ts';
import { signatureTypes, verifierKey, verifierKeyText } from '../../proto/transparency/signed-note.ts';
import type { KeyStore } from '../keys/key-store.ts';
import { folderOf } from './checkpoint-file.ts';

/** Who vouches for the journal's heads: a name that no other log has, and the key that signs in it. */
export type CheckpointSigner = Readonly<{ origin: string; key: SigningKeyPair }>;

/** The seed's name in the vault. It signs heads of the journal and nothing else. */
const keyName = 'checkpoint-key';

function originOf(federation: FederationId): string {
  return `testudo/${federation}/journal`;
}

/** As NAME+KEYID+BASE64 (C2SP signed-note), for whoever shall check. */
export function publicCheckpointKey({ origin, key }: CheckpointSigner): string {
  return verifierKeyText(verifierKey(origin, signatureTypes.ed25519, key.publicKey));
}

/** The key that signs now; undefined before a coordinator of this version first ran here. */
export async function checkpointSigner(
  keys: KeyStore,
  federation: FederationId,
): Promise<CheckpointSigner | undefined> {
  const seed = await keys.get(keyName);
  return seed === undefined ? undefined : { origin: originOf(federation), key: signingKeyPairOf(seed) };
}

/** The same, made where there is none. */
export async function ensureCheckpointSigner(
  keys: KeyStore,
  federation: FederationId,
  dataDir: string,
): Promise<CheckpointSigner> {
  const known = await checkpointSigner(keys, federation);
  if (known === undefined) return replaceCheckpointSigner(keys, federation, dataDir);
  if (!(await publicCheckpointKeys(dataDir)).includes(publicCheckpointKey(known))) await publish(dataDir, known);
  return known;
}

/** A new key in place of the old one, which is destroyed. For one process at a time: hold the coordinator's ground. */
export async function replaceCheckpointSigner(
  keys: KeyStore,
  federation: FederationId,
  dataDir: string,
): Promise<CheckpointSigner> {
  const seed = randomBytes(32);
  const signer = { origin: originOf(federation), key: signingKeyPairOf(seed) };
  // The public half first: a key that signed and that nobody can name later would be worse than one that never signed.
  await publish(dataDir, signer);
  await keys.put(keyName, seed);
  return signer;
}

async function publish(dataDir: string, signer: CheckpointSigner): Promise<void> {
  const lines = [...(await publicCheckpointKeys(dataDir)), publicCheckpointKey(signer)];
  await writeFileAtomic(publicKeysFile(dataDir), `${lines.join('\n')}\n`);
}

/** Every key that has signed here, the oldest first. They tell readers what to ask about; trust comes from elsewhere. */
export async function publicCheckpointKeys(dataDir: string): Promise<readonly string[]> {
  try {
    return (await readFile(publicKeysFile(dataDir), 'utf8')).split('\n').filter((line) => line !== '');
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

function publicKeysFile(dataDir: string): string {
  return join(folderOf(dataDir), 'public-keys');
}
