import type { SigningKeyPair } from '../envelope/keys.ts';
import type { Result } from '../fault.ts';
import type { FederationId } from '../ids.ts';
import type { Catalogue, Pins } from './catalogue.ts';
import type { ReleaseFaultCode } from './faults.ts';
import type { ReleaseRole, ReleaseRoot } from './root.ts';

/** Who made a document: TUF's part of a signed piece that its content does not say. */
type Keys = readonly SigningKeyPair[];

/** Signed metadata's bytes (canonical JSON). Each throws a RangeError on illegal content: check what people typed first. */
export declare function signRoot(root: ReleaseRoot, keys: Keys): Buffer;
export declare function signCatalogue(catalogue: Catalogue, federation: FederationId, keys: Keys): Buffer;
export declare function signPins(pins: Pins, federation: FederationId, keys: Keys): Buffer;
/** Names the very bytes of the signed catalogue and pins. */
export declare function signSnapshot(
  content: Readonly<{ version: number; expiresAtMs: number; catalogue: Uint8Array; pins: Uint8Array }>,
  federation: FederationId,
  keys: Keys,
): Buffer;
/** Names the very bytes of the signed snapshot. */
export declare function signTimestamp(
  content: Readonly<{ version: number; expiresAtMs: number; snapshot: Uint8Array }>,
  federation: FederationId,
  keys: Keys,
): Buffer;

/** The same document with further signatures. */
export declare function addSignatures(
  role: ReleaseRole,
  signed: Uint8Array,
  keys: Keys,
): Result<Buffer, ReleaseFaultCode>;
/** One document signed by several people apart: all their signatures. Refused when what they signed differs. */
export declare function mergeSignatures(
  role: ReleaseRole,
  pieces: readonly Uint8Array[],
): Result<Buffer, ReleaseFaultCode>;

/** How far a document is signed, by the keys that `root` names for the role. */
export type Signedness = Readonly<{ by: readonly string[]; missing: number }>;
export declare function signedness(
  root: ReleaseRoot,
  role: ReleaseRole,
  signed: Uint8Array,
): Result<Signedness, ReleaseFaultCode>;

/** Opened without regard to who signed: for the coordinator and the CLI, which show, change and sign. */
export declare function openRoot(bytes: Uint8Array): Result<ReleaseRoot, ReleaseFaultCode>;
export declare function openCatalogue(bytes: Uint8Array, federation: FederationId): Result<Catalogue, ReleaseFaultCode>;
export declare function openPins(bytes: Uint8Array, federation: FederationId): Result<Pins, ReleaseFaultCode>;
/** SHA-256 of the canonical key, 64 hexadecimal digits: what signatures and roots call a key. */
export declare function keyIdOf(publicKey: Uint8Array): string;
