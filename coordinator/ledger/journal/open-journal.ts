import { ok, type Result } from '../../../base/fault.ts';
import type { Timers } from '../../../base/time.ts';
import type { PostgresLink } from '../../postgres/link.ts';
import { GroupCommitJournal } from './group-commit-journal.ts';
import type { Journal, JournalFaultCode } from './journal.ts';
import { type MemoryMedium, openMemoryStore } from './memory-store.ts';
import { awaitLease } from './postgres/lease.ts';
import { type FoundFree, openPostgresStore, type PostgresJournalFaultCode } from './postgres/open-postgres.ts';
import { openSqliteStore } from './sqlite-store.ts';

/** The embedded journal: one SQLite file, made when it is not there. Checks every line before it opens. */
export async function openSqliteJournal(path: string, timers: Timers): Promise<Result<Journal, JournalFaultCode>> {
  const opened = await openSqliteStore(path);
  return opened.ok ? ok(new GroupCommitJournal(opened.value, timers)) : opened;
}

/** The journal in a database, once no other coordinator holds it; at once for a standby that has waited and `found` it so. Where this is refused the link is still the caller's. */
export async function openPostgresJournal(
  link: PostgresLink,
  found?: FoundFree,
): Promise<Result<Journal, PostgresJournalFaultCode>> {
  const free = found === undefined ? await awaitLease(link) : ok(undefined);
  if (!free.ok) return free;
  const opened = await openPostgresStore(link, found);
  return opened.ok ? ok(new GroupCommitJournal(opened.value, link.timers)) : opened;
}

export function openMemoryJournal(medium: MemoryMedium, timers: Timers): Journal {
  return new GroupCommitJournal(openMemoryStore(medium), timers);
}
