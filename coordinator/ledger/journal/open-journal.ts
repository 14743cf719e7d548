import { ok, type Result } from '../../../base/fault.ts';
import type { Timers } from '../../../base/time.ts';
import { GroupCommitJournal } from './group-commit-journal.ts';
import type { Journal, JournalFaultCode } from './journal.ts';
import { type MemoryMedium, openMemoryStore } from './memory-store.ts';
import { openSqliteStore } from './sqlite-store.ts';

/** The embedded journal: one SQLite file, made when it is not there. Checks every line before it opens. */
export async function openSqliteJournal(path: string, timers: Timers): Promise<Result<Journal, JournalFaultCode>> {
  const opened = await openSqliteStore(path);
  return opened.ok ? ok(new GroupCommitJournal(opened.value, timers)) : opened;
}

export function openMemoryJournal(medium: MemoryMedium, timers: Timers): Journal {
  return new GroupCommitJournal(openMemoryStore(medium), timers);
}
