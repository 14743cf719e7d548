import type { MetadataRef } from '../../ledger/state/releasing.ts';

/** One role's signed bytes as they are served. */
export type SignedPiece = MetadataRef & Readonly<{ body: Uint8Array }>;

/** One complete set, of one era. `pins` is null as long as root names no pin key. */
export type SignedSet = Readonly<{
  /** Oldest first, without gaps, from version 1. */
  roots: readonly SignedPiece[];
  timestamp: SignedPiece;
  snapshot: SignedPiece;
  catalogue: SignedPiece;
  pins: SignedPiece | null;
}>;
