import { ok, type Result, refuse } from '../../base/fault.ts';
import { type CheckpointKeyFault, checkSigned } from '../../proto/transparency/checkpoint.ts';
import { Frontier, sameHash } from '../../proto/transparency/merkle.ts';
import { parseVerifierKey, type VerifierKey } from '../../proto/transparency/signed-note.ts';
import { type ReadFaultCode, readBeside } from '../ledger/journal/read-beside.ts';
import { readCheckpoints, type StoredCheckpoint } from './checkpoint-file.ts';
import { publicCheckpointKeys } from './checkpoint-key.ts';
import { leafOf } from './leaf.ts';

export type StoredHeads = Readonly<{ heads: readonly StoredCheckpoint[]; keys: readonly VerifierKey[] }>;

/**
 * Heads as they lie in a data directory, and the keys that are named there as having signed. To be read before the journal is
 * copied: a head that is signed meanwhile is of more entries than the copy has.
 */
export async function storedHeads(dataDir: string): Promise<StoredHeads> {
  // Heads first: a key is named before it signs, so that each head is by a key that is named by now.
  const heads = await readCheckpoints(dataDir);
  const keys = (await publicCheckpointKeys(dataDir)).map(parseVerifierKey);
  return { heads, keys: keys.flatMap((key) => (key.ok ? [key.value] : [])) };
}

/**
 * Whether the journal still has the heads that were signed as it grew. Who rewrites it with its whole chain, and has not the
 * key, cannot make these fit; who replaces heads and named keys as well is found out by who knows the key from elsewhere
 * (verify-export.ts). Returns how many there are.
 */
export async function verifyStoredHeads(
  { heads, keys }: StoredHeads,
  journalDir: string,
): Promise<Result<number, CheckpointKeyFault | ReadFaultCode | 'LOG_FORKED'>> {
  const journal = readBeside(journalDir);
  if (!journal.ok) return journal;
  try {
    const frontier = Frontier.empty();
    let fits = 0;
    for (const { checkpoint } of heads) {
      const { size, root } = checkpoint;
      const signed = checkSigned(checkpoint, keys);
      if (!signed.ok) return signed;
      for (const { chain } of journal.value.entries(frontier.size, size)) frontier.push(leafOf(chain));
      if (frontier.size < size) {
        const what = `a head of ${size} entries was signed, and the journal has ${frontier.size}`;
        return refuse('LOG_FORKED', `${what}: entries were taken back, or a backup was restored`);
      }
      if (!sameHash(frontier.root(), root)) {
        const where = `the first that differs is one of ${fits + 1} to ${size}`;
        return refuse(
          'LOG_FORKED',
          `the head that was signed over entries 1 to ${size} is one of other entries: ${where}`,
        );
      }
      fits = size;
    }
    return ok(heads.length);
  } finally {
    journal.value.close();
  }
}
