import { ok, type Result, refuse } from '../../../base/fault.ts';
import { chainAfter, chainOrigin, type StoredEntry } from './entry.ts';
import type { JournalFaultCode, JournalHead } from './journal.ts';

const remedy = 'Restore the data directory from a backup (docs/operations.md, "A damaged journal")';

/** The head of a journal without entries. */
export const noHead: JournalHead = { seq: 0, chain: chainOrigin };

/** Walks lines that should follow `from`: resolves with the last one, or names the first that does not fit. */
export function findBreak(from: JournalHead, rows: Iterable<StoredEntry>): Result<JournalHead, JournalFaultCode> {
  let { seq, chain } = from;
  let epoch = 0;
  for (const row of rows) {
    if (row.seq !== seq + 1) return damaged(seq + 1, `entry ${seq + 1} is missing`);
    if (chainAfter(chain, row.body) !== row.chain) {
      return damaged(row.seq, `the hash chain breaks at entry ${row.seq}: it, or an earlier one, was changed`);
    }
    if (row.epoch < epoch)
      return damaged(row.seq, `entry ${row.seq} was written by an older epoch than the one before`);
    ({ seq, chain, epoch } = row);
  }
  return ok({ seq, chain });
}

export function damaged(seq: number, what: string) {
  return refuse('JOURNAL_DAMAGED', `journal: ${what}. ${remedy}`, { seq });
}
