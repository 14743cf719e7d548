import { ok, type Result, refuse } from '../../base/fault.ts';
import { type JournalEntry, openEntry, type StoredEntry } from './journal/entry.ts';
import { foldEntry } from './state/fold.ts';
import { emptyState, type MutableState } from './state/mutable-state.ts';

/** The state of a journal that another writes, folded line by line as they come: who takes it over has it already. */
export class ReadingAlong {
  /** As of the last line taken. The one that takes over goes on with it: then nothing may be taken here any more. */
  readonly state: MutableState = emptyState();

  /** Lines that follow those taken before, their chain checked. */
  take(rows: readonly StoredEntry[]): Result<void, 'JOURNAL_DAMAGED'> {
    return foldAll(this.state, rows, openEntry);
  }
}

/** Folds entries into a state, or names the first that does not follow from those before it. */
export function foldAll<Line extends { readonly seq: number }>(
  state: MutableState,
  lines: readonly Line[],
  entryOf: (line: Line) => JournalEntry,
): Result<void, 'JOURNAL_DAMAGED'> {
  for (const line of lines) {
    try {
      foldEntry(state, entryOf(line));
    } catch (error) {
      return refuse(
        'JOURNAL_DAMAGED',
        `journal: entry ${line.seq} does not follow from those before it (${(error as Error).message}). ` +
          'Start the build that wrote it, or restore a backup (docs/operations.md, "A damaged journal")',
        { seq: line.seq },
      );
    }
  }
  return ok(undefined);
}
