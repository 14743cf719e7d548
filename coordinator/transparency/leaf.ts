import { leafHash } from '../../proto/transparency/merkle.ts';

/**
 * The leaf of an entry of the journal: over the 32 bytes of its chain digest, which covers the entry and all before it. So
 * that no entry need be written out again while the journal runs, and one can be shown to be in it without its neighbours.
 */
export function leafOf(chain: string): Uint8Array {
  return leafHash(Buffer.from(chain, 'hex'));
}
