import Database from 'better-sqlite3';
import { isDiskFull } from '../../../base/atomic-file.ts';
import { type Refused, refuse } from '../../../base/fault.ts';
import type { JournalFaultCode } from './journal.ts';
import { damaged } from './walk.ts';

/** What an error of SQLite, or of the file system below it, means to who keeps a journal. */
export function refusalOf(error: unknown): Refused<JournalFaultCode> {
  const code = error instanceof Database.SqliteError ? error.code : '';
  const text = error instanceof Error ? error.message : String(error);
  if (isDiskFull(error)) {
    return refuse('DISK_FULL', 'journal: no space left; nothing of this write was kept. Free space and try again');
  }
  if (code.startsWith('SQLITE_CORRUPT') || code === 'SQLITE_NOTADB') {
    return damaged(0, `the file cannot be read as a database (${code}: ${text})`);
  }
  return refuse(
    'JOURNAL_IO',
    `journal: the disk failed (${code || 'error'}: ${text}). Check the disk and its mount, then start again: ` +
      'what is on it is checked at the start',
  );
}
