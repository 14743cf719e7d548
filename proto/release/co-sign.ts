import { ok, type Result, refuse } from '../../base/fault.ts';
import type { SigningKeyPair } from '../envelope/crypto/keys.ts';
import { decodeCatalogue } from './documents/catalogue-document.ts';
import { type SignedPart, signedBytes } from './documents/document.ts';
import { decodePins } from './documents/pins-document.ts';
import { decodeSnapshot, decodeTimestamp } from './documents/pointers.ts';
import { decodeRoot, type ReleaseRole, type ReleaseRoot, signersOf } from './documents/root.ts';
import type { ReleaseFaultCode } from './faults.ts';

/**
 * Several people's signatures on one document, made apart and put together. Nothing here trusts: it is for those who
 * make metadata (coordinator, operators); agents walk (walk.ts).
 */
const decoders = {
  root: decodeRoot,
  timestamp: decodeTimestamp,
  snapshot: decodeSnapshot,
  targets: decodeCatalogue,
  pins: decodePins,
} as const;

/** How far a document is signed, by the keys that `root` names for the role. */
export type Signedness = Readonly<{
  /** Key ids of those who signed. */
  by: readonly string[];
  /** How many more are needed; 0 when the threshold is reached. */
  missing: number;
}>;

export function signedness(
  root: ReleaseRoot,
  role: ReleaseRole,
  bytes: Uint8Array,
): Result<Signedness, ReleaseFaultCode> {
  const signed = signedPartOf(role, bytes);
  if (!signed.ok) return signed;
  const by = signersOf(root, role, signed.value);
  return ok({ by, missing: Math.max(0, root.roles[role].threshold - by.length) });
}

/** The same document with further signatures. */
export function addSignatures(
  role: ReleaseRole,
  bytes: Uint8Array,
  keys: readonly SigningKeyPair[],
): Result<Buffer, ReleaseFaultCode> {
  const signed = signedPartOf(role, bytes);
  return signed.ok ? ok(signedBytes(signed.value, keys)) : signed;
}

/**
 * One document with all the good signatures of its copies, by keys that any of the roots names for the role (for a new
 * root: the one before it and itself). Other signatures are left out: a bad one must not stand where a good one could.
 */
export function mergeSignatures(
  role: ReleaseRole,
  copies: readonly Uint8Array[],
  roots: readonly ReleaseRoot[],
): Result<Buffer, ReleaseFaultCode> {
  const good = new Map<string, string>();
  let message: Uint8Array | undefined;
  for (const copy of copies) {
    const signed = signedPartOf(role, copy);
    if (!signed.ok) return signed;
    message ??= signed.value.message;
    if (Buffer.compare(signed.value.message, message) !== 0) {
      return refuse('METADATA_MISMATCHED', `${role}: the copies differ in what is signed; sign one document`, { role });
    }
    for (const id of roots.flatMap((root) => signersOf(root, role, signed.value))) {
      good.set(id, signed.value.signatures.get(id) as string); // signersOf found it there.
    }
  }
  if (message === undefined) throw new RangeError('mergeSignatures: expected at least one copy');
  return ok(signedBytes({ message, signatures: good }, []));
}

function signedPartOf(role: ReleaseRole, bytes: Uint8Array): Result<SignedPart, ReleaseFaultCode> {
  const decoded = decoders[role](bytes);
  return decoded.ok ? ok(decoded.value.signed) : decoded;
}
