import { ok, type Result, refuse } from '../../base/fault.ts';
import { type JournalEntry, openEntry, type StoredEntry } from './journal/entry.ts';
import { foldEntry, UnknownKindError } from './state/fold.ts';
import { emptyState, type MutableState } from './state/mutable-state.ts';

/** Why lines are not taken: they do not fit, or a newer build wrote them. */
export type FoldFaultCode = 'JOURNAL_DAMAGED' | 'JOURNAL_NEWER';

/** The state of a journal that another writes, folded line by line as they come: who takes it over has it already. */
export class ReadingAlong {
  /** As of the last line taken. The one that takes over goes on with it: then nothing may be taken here any more. */
  readonly state: MutableState = emptyState();
  readonly #passesOverNewer: boolean;

  /** passesOverNewer: for who decides nothing by it, and goes on beside a coordinator that was upgraded first. */
  constructor({ passesOverNewer = false } = {}) {
    this.#passesOverNewer = passesOverNewer;
  }

  /** Lines that follow those taken before, their chain checked. */
  take(rows: readonly StoredEntry[]): Result<void, FoldFaultCode> {
    return foldAll(this.state, rows, openEntry, this.#passesOverNewer);
  }
}

/** Folds entries into a state, or names the first that does not follow from those before it. */
export function foldAll<Line extends { readonly seq: number }>(
  state: MutableState,
  lines: readonly Line[],
  entryOf: (line: Line) => JournalEntry,
  passesOverNewer = false,
): Result<void, FoldFaultCode> {
  for (const line of lines) {
    try {
      foldEntry(state, entryOf(line));
    } catch (error) {
      if (error instanceof UnknownKindError) {
        if (passesOverNewer) continue;
        const what = `journal: entry ${line.seq} is of a kind that this build does not know (${error.message})`;
        return refuse('JOURNAL_NEWER', `${what}. Start the build that wrote it, or a newer one`, { seq: line.seq });
      }
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
