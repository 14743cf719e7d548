import type { z } from 'zod';
import { ok, type Result, refuse } from '../../../base/fault.ts';
import { vetSigningPublicKey } from '../../envelope/crypto/keys.ts';
import { verifyMessage } from '../../envelope/crypto/signature.ts';
import type { FederationId } from '../../ids.ts';
import { decodeDocument, type SignedPart } from './document.ts';
import { idOfTufKey, keyIdOf } from './key-id.ts';
import { rootShape } from './shapes.ts';

/** TUF's four top-level roles, and pins: operators' keys, which the coordinator does not have. */
export const releaseRoles = ['root', 'timestamp', 'snapshot', 'targets', 'pins'] as const;
export type ReleaseRole = (typeof releaseRoles)[number];

/** Which keys speak for a role, and how many different ones must. */
export type RoleKeys = Readonly<{
  publicKeys: readonly Uint8Array[];
  threshold: number;
  /** Under which ids they sign, where a root that was read has keys with members of its own: an id is the digest of all of them. */
  keyIds?: readonly string[];
}>;

/** Root metadata, opened: whom a federation trusts for what. Public keys: Ed25519, 32 bytes each. */
export type ReleaseRoot = Readonly<{
  federation: FederationId;
  /** 1 to 2^32 - 1; each root follows its forerunner by exactly one. */
  version: number;
  /** Milliseconds since the epoch; signed as whole seconds, rounded down. */
  expiresAtMs: number;
  /**
   * `pins` may have no keys: then the federation has no pins. The others have at least their threshold as we write them; one
   * that was read has what this version knows of, and a role below its threshold can sign nothing.
   */
  roles: Readonly<Record<ReleaseRole, RoleKeys>>;
}>;

/** A decoded root document. */
export type RootDocument = Readonly<{ root: ReleaseRoot; signed: SignedPart }>;

export function decodeRoot(bytes: Uint8Array): Result<RootDocument, 'METADATA_TOO_LARGE' | 'METADATA_INVALID'> {
  const decoded = decodeDocument('root', rootShape, bytes);
  if (!decoded.ok) return decoded;
  const { content, signed } = decoded.value;
  const keys = usableKeys(content);
  if (!keys.ok) return keys;
  const roleKeys = (role: ReleaseRole): RoleKeys => {
    const { keyids, threshold } = content.roles[role];
    const keyIds = keyids.filter((id) => keys.value.has(id));
    const publicKeys = keyIds.map((id) => keys.value.get(id) as Uint8Array);
    return { publicKeys, threshold, ...(keyIds.every((id) => isPlain(content.keys[id])) ? {} : { keyIds }) };
  };
  const root: ReleaseRoot = {
    federation: content.federation,
    version: content.version,
    expiresAtMs: Date.parse(content.expires),
    roles: {
      root: roleKeys('root'),
      timestamp: roleKeys('timestamp'),
      snapshot: roleKeys('snapshot'),
      targets: roleKeys('targets'),
      pins: roleKeys('pins'),
    },
  };
  return ok({ root, signed });
}

/** Nothing but what we write ourselves: its id is `keyIdOf` its bytes. */
function isPlain(key: Readonly<{ keyval: object }> | undefined): boolean {
  return key !== undefined && Object.keys(key).length === 3 && Object.keys(key.keyval).length === 1;
}

/**
 * The keys that can count, by id. Keys of other types stay in the document and count for nobody. An id that is not its
 * key's digest, or one Ed25519 key under two ids (by an added member, for example), could make one signer count twice.
 */
function usableKeys(content: z.output<typeof rootShape>): Result<Map<string, Uint8Array>, 'METADATA_INVALID'> {
  const usable = new Map<string, Uint8Array>();
  const seen = new Set<string>();
  for (const [id, key] of Object.entries(content.keys)) {
    const invalid = (why: string) =>
      refuse('METADATA_INVALID', `root: key ${id.slice(0, 12)}… ${why}`, { role: 'root' });
    if (idOfTufKey(key as never) !== id) return invalid("is not named by its canonical form's SHA-256");
    if (key.keytype !== 'ed25519' || key.scheme !== 'ed25519') continue;
    const text = key.keyval.public;
    if (!/^[0-9a-f]{64}$/.test(text)) return invalid('must be 64 lower-case hexadecimal digits');
    const vetted = vetSigningPublicKey(new Uint8Array(Buffer.from(text, 'hex')));
    if (!vetted.ok) return invalid(vetted.fault.message);
    if (seen.has(text)) return invalid('stands there under another id too: one key, one id');
    seen.add(text);
    usable.set(id, vetted.value);
  }
  return ok(usable);
}

/** Key ids, of those that the root names for the role, whose signature on the document is good. */
export function signersOf(root: ReleaseRoot, role: ReleaseRole, { message, signatures }: SignedPart): string[] {
  const { publicKeys, keyIds } = root.roles[role];
  return publicKeys.flatMap((publicKey, at) => {
    const id = keyIds?.[at] ?? keyIdOf(publicKey);
    const signature = Buffer.from(signatures.get(id) ?? '', 'hex');
    return signature.byteLength === 64 && verifyMessage(message, signature, publicKey) ? [id] : [];
  });
}

/** Refused unless the role's threshold of different keys signed the document. */
export function checkSigned(
  root: ReleaseRoot,
  role: ReleaseRole,
  signed: SignedPart,
  by = `root ${root.version}`,
): Result<void, 'METADATA_UNDERSIGNED'> {
  const count = signersOf(root, role, signed).length;
  const { threshold } = root.roles[role];
  if (count >= threshold) return ok(undefined);
  const message = `${role}: ${count} good signature(s) by keys that ${by} names for it; needs ${threshold}`;
  return refuse('METADATA_UNDERSIGNED', message, { role, count, threshold });
}
