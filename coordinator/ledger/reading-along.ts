import { ok, type Result, refuse } from '../../base/fault.ts';
import { type JournalEntry, openEntry, type StoredEntry } from './journal/entry.ts';
import { foldEntry, UnknownKindError } from './state/fold.ts';
import { emptyState, type MutableState } from './state/mutable-state.ts';
import { unknownIn } from './state/unknown-in.ts';

/** Why lines are not taken: they do not fit, or a newer build wrote them. */
export type FoldFaultCode = 'JOURNAL_DAMAGED' | 'JOURNAL_NEWER';

/** The state of a journal that another writes, folded line by line as they come: who takes it over has it already. */
export class ReadingAlong {
  /** As of the last line taken. The one that takes over goes on with it: then nothing may be taken here any more. */
  readonly state: MutableState = emptyState();
  readonly #passed: string[] | undefined;

  /** passesOverNewer: for who decides nothing by it, and goes on beside a coordinator that was upgraded first, as long as lines still fit. */
  constructor({ passesOverNewer = false } = {}) {
    this.#passed = passesOverNewer ? [] : undefined;
  }

  /** Lines that follow those taken before, their chain checked. */
  take(rows: readonly StoredEntry[]): Result<void, FoldFaultCode> {
    return foldAll(this.state, rows, openEntry, this.#passed);
  }
}

/**
 * Folds entries into a state, or names the first that does not follow from those before it. passed: what a newer build wrote and was
 * passed over, of which the first is kept; undefined where nothing is, since whoever leads by the state would decide without it.
 */
export function foldAll<Line extends { readonly seq: number }>(
  state: MutableState,
  lines: readonly Line[],
  entryOf: (line: Line) => JournalEntry,
  passed?: string[],
): Result<void, FoldFaultCode> {
  for (const line of lines) {
    const newer = (what: string) => {
      const found = passed?.[0] === undefined ? '' : `, after ${passed[0]}`;
      return refuse('JOURNAL_NEWER', `journal: ${what}${found}. Start the build that wrote it, or a newer one`, {
        seq: line.seq,
      });
    };
    const isPassedOver = (what: string) => {
      if (passed === undefined) return false;
      if (passed.length === 0) passed.push(what);
      return true;
    };
    try {
      const entry = entryOf(line);
      const unknown = unknownIn(entry.event);
      if (unknown !== undefined) {
        const what = `entry ${line.seq} has ${unknown}, which this build does not know`;
        if (!isPassedOver(what)) return newer(what);
      }
      foldEntry(state, entry);
    } catch (error) {
      if (error instanceof UnknownKindError) {
        const what = `entry ${line.seq} is of a kind that this build does not know (${error.message})`;
        if (isPassedOver(what)) continue;
        return newer(what);
      }
      const what = `entry ${line.seq} does not follow from those before it (${(error as Error).message})`;
      if (passed?.[0] !== undefined) return newer(what);
      return refuse(
        'JOURNAL_DAMAGED',
        `journal: ${what}. Start the build that wrote it, or restore a backup (docs/operations.md, "A damaged journal")`,
        { seq: line.seq },
      );
    }
  }
  return ok(undefined);
}
