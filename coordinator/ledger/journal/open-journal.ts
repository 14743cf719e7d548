import { ok, type Result } from '../../../base/fault.ts';
import { GroupCommitJournal } from './group-commit-journal.ts';
import type { Journal, JournalFaultCode } from './journal.ts';
import { type MemoryMedium, openMemoryStore } from './memory-store.ts';
import { openSqliteStore } from './sqlite-store.ts';

/** The embedded journal: one SQLite file, made when it is not there. Checks every line before it opens. */
export async function openSqliteJournal(path: string): Promise<Result<Journal, JournalFaultCode>> {
  const opened = await openSqliteStore(path);
  return opened.ok ? ok(new GroupCommitJournal(opened.value)) : opened;
}

export function openMemoryJournal(medium: MemoryMedium): Journal {
  return new GroupCommitJournal(openMemoryStore(medium));
}
