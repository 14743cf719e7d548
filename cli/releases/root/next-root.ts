import { ok, type Result, refuse } from '../../../base/fault.ts';
import { keyIdOf } from '../../../proto/release/documents/key-id.ts';
import {
  type ReleaseRole,
  type ReleaseRoot,
  type RoleKeys,
  releaseRoles,
} from '../../../proto/release/documents/root.ts';

/** What a new root changes. Keys to add: Ed25519, 32 bytes; keys to remove: the beginning of a key id, 8 digits or more. */
export type RootChange = Readonly<{
  add: readonly Readonly<{ role: ReleaseRole; publicKey: Uint8Array }>[];
  remove: readonly Readonly<{ role: ReleaseRole; keyId: string }>[];
  thresholds: Partial<Readonly<Record<ReleaseRole, number>>>;
  expiresAtMs: number;
}>;

/** The root that follows: one version on, its keys changed. Refused where it names what is not there, or locks out. */
export function nextRoot(root: ReleaseRoot, change: RootChange): Result<ReleaseRoot, 'ROOT_CHANGE_INVALID'> {
  const roles = { ...root.roles };
  const known = releaseRoles.flatMap((role) => root.roles[role].publicKeys.map(keyIdOf));
  known.push(...change.add.map(({ publicKey }) => keyIdOf(publicKey)));
  for (const role of releaseRoles) {
    const changed = changeRole(role, roles[role], change, new Set(known));
    if (!changed.ok) return changed;
    roles[role] = changed.value;
  }
  return ok({ ...root, version: root.version + 1, expiresAtMs: change.expiresAtMs, roles });
}

function changeRole(
  role: ReleaseRole,
  { publicKeys, threshold }: RoleKeys,
  change: RootChange,
  known: ReadonlySet<string>,
): Result<RoleKeys, 'ROOT_CHANGE_INVALID'> {
  const invalid = (why: string) => refuse('ROOT_CHANGE_INVALID', `${role}: ${why}`, { role });
  const keys = new Map(publicKeys.map((key) => [keyIdOf(key), key]));
  for (const { keyId } of change.remove.filter((each) => each.role === role)) {
    const found = [...keys.keys()].filter((id) => id.startsWith(keyId));
    if (keyId.length < 8 || found.length !== 1)
      return invalid(`${keyId} means ${found.length} of its keys; give more digits of one`);
    keys.delete(found[0] as string);
  }
  for (const { publicKey } of change.add.filter((each) => each.role === role)) {
    const id = keyIdOf(publicKey);
    const text = Buffer.from(publicKey).toString('hex');
    // Both are 64 hexadecimal digits, and a role whose key nobody holds the other half of is lost.
    if (known.has(text)) return invalid(`${text.slice(0, 12)}… is the id of a key and no key: give its public key`);
    if (keys.has(id)) return invalid(`has the key ${id.slice(0, 12)} already`);
    keys.set(id, publicKey);
  }
  const needed = change.thresholds[role] ?? threshold;
  if (!Number.isSafeInteger(needed) || needed < 1) return invalid('a threshold must be 1 or more');
  if (keys.size < needed && !(role === 'pins' && keys.size === 0)) {
    return invalid(`${keys.size} key(s) cannot reach a threshold of ${needed}: it would lock everybody out`);
  }
  return ok({ publicKeys: [...keys.values()], threshold: needed });
}
