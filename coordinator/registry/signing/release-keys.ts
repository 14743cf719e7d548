import { createPrivateKey, randomBytes } from 'node:crypto';
import { writeNewFile } from '../../../base/atomic-file.ts';
import { ok, type Result, refuse } from '../../../base/fault.ts';
import { type SigningKeyPair, signingKeyPairOf } from '../../../proto/envelope/crypto/keys.ts';
import type { ReleaseRole, ReleaseRoot } from '../../../proto/release/documents/root.ts';
import type { KeyStore } from '../../keys/key-store.ts';

/** The roles whose keys the coordinator keeps; pins belong to operators, and root's key leaves. */
export const onlineRoles = ['targets', 'snapshot', 'timestamp'] as const;
export type OnlineRole = (typeof onlineRoles)[number];

const names: Readonly<Record<OnlineRole | 'root', string>> = {
  root: 'release-root-key',
  targets: 'release-key',
  snapshot: 'snapshot-key',
  timestamp: 'timestamp-key',
};
/** The fixed DER head of an RFC 8410 private key. */
const pkcs8Head = Buffer.from('302e020100300506032b657004220420', 'hex');

const nextName = (role: OnlineRole) => `${names[role]}.next`;

/** The key of a role, made when there is none. */
export async function makeReleaseKey(vault: KeyStore, role: OnlineRole | 'root'): Promise<SigningKeyPair> {
  return keyNamed(vault, names[role]);
}

/** Root's key while it is in the vault; undefined once it is offline. */
export async function releaseRootKey(vault: KeyStore): Promise<SigningKeyPair | undefined> {
  const seed = await vault.get(names.root);
  return seed === undefined ? undefined : signingKeyPairOf(seed);
}

/**
 * Moves root's key out of the data directory into a new file (PKCS #8 PEM, for a safe). From then on it is offline: who
 * rotates keys signs roots elsewhere and publishes them.
 */
export async function exportReleaseRootKey(vault: KeyStore, to: string): Promise<Result<void, 'ROOT_KEY_ABSENT'>> {
  const seed = await vault.get(names.root);
  if (seed === undefined) {
    return refuse('ROOT_KEY_ABSENT', "the releases' root key is not with the coordinator: it is offline already");
  }
  const der = Buffer.concat([pkcs8Head, seed]);
  const pem = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' }).export({ type: 'pkcs8', format: 'pem' });
  try {
    writeNewFile(to, pem);
  } finally {
    der.fill(0);
  }
  await vault.destroy(names.root);
  return ok(undefined);
}

/** The keys that the coordinator will sign with once a root names them; the same ones until then. Public keys. */
export async function prepareNextKeys(vault: KeyStore): Promise<Readonly<Record<OnlineRole, Uint8Array>>> {
  const [targets, snapshot, timestamp] = await Promise.all(
    onlineRoles.map(async (role) => (await keyNamed(vault, nextName(role))).publicKey),
  );
  return { targets, snapshot, timestamp } as Record<OnlineRole, Uint8Array>;
}

/** Those of our keys, present and next, that `root` names for a role. */
export async function onlineKeysOf(vault: KeyStore, root: ReleaseRoot, role: OnlineRole): Promise<SigningKeyPair[]> {
  const seeds = await Promise.all([vault.get(names[role]), vault.get(nextName(role))]);
  return seeds.flatMap((seed) => {
    if (seed === undefined) return [];
    const pair = signingKeyPairOf(seed);
    return isNamed(root, role, pair.publicKey) ? [pair] : [];
  });
}

/** After a root that names the next key of a role and no longer the present one: the next one takes its place. */
export async function settleKeys(vault: KeyStore, root: ReleaseRoot): Promise<void> {
  for (const role of onlineRoles) {
    const next = await vault.get(nextName(role));
    if (next === undefined) continue;
    const present = await vault.get(names[role]);
    if (!isNamed(root, role, signingKeyPairOf(next).publicKey)) continue;
    if (present !== undefined && isNamed(root, role, signingKeyPairOf(present).publicKey)) continue;
    await vault.put(names[role], next); // First: a crash between leaves the key twice, never not at all.
    await vault.destroy(nextName(role));
  }
}

export function isNamed(root: ReleaseRoot, role: ReleaseRole, publicKey: Uint8Array): boolean {
  return root.roles[role].publicKeys.some((named) => Buffer.from(named).equals(publicKey));
}

async function keyNamed(vault: KeyStore, name: string): Promise<SigningKeyPair> {
  // Who asks at once with another gets the same key: one that was shown and is not kept could sign nothing.
  for (;;) {
    const seed = await vault.get(name);
    if (seed !== undefined) return signingKeyPairOf(seed);
    const made = randomBytes(32);
    if (await vault.add(name, made)) return signingKeyPairOf(made);
  }
}
