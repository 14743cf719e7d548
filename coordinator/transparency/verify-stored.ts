import { ok, type Result, refuse } from '../../base/fault.ts';
import { Frontier, sameHash } from '../../proto/transparency/merkle.ts';
import { readBeside } from '../ledger/journal/read-beside.ts';
import { readCheckpoints } from './checkpoint-file.ts';
import { leafOf } from './leaf.ts';

/**
 * Whether the journal still has the heads that were signed as it grew. Who rewrites it with its whole chain, and has not the
 * key, cannot make these fit. Returns how many there are.
 */
export async function verifyStoredHeads(
  dataDir: string,
  journalDir = dataDir,
): Promise<Result<number, 'DATA_DIR_UNUSABLE' | 'LOG_FORKED'>> {
  const heads = await readCheckpoints(dataDir);
  const journal = readBeside(journalDir);
  if (!journal.ok) return journal;
  try {
    const frontier = Frontier.empty();
    let fits = 0;
    for (const { checkpoint } of heads) {
      const { size, root } = checkpoint;
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
