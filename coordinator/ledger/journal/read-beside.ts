import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type Database from 'better-sqlite3';
import { ok, type Refused, type Result, refuse } from '../../../base/fault.ts';
import { chainOrigin, type StoredEntry } from './entry.ts';
import type { JournalHead } from './journal.ts';
import { type OpenJournal, openToRead } from './open-to-read.ts';

/** The embedded journal's name in its data directory. */
export const journalFile = 'journal.sqlite';
/** What a move into a database leaves of it. */
export const movedJournalFile = 'journal.moved.sqlite';

export type AbsenceCode = 'JOURNAL_MOVED' | 'JOURNAL_MISSING';
export type ReadFaultCode = AbsenceCode | 'DATA_DIR_UNUSABLE';

/** Why there is none to read: SQLite would say that the disk failed. Undefined where there is one. */
export function absentJournal(dataDir: string): Refused<AbsenceCode> | undefined {
  if (existsSync(join(dataDir, journalFile))) return undefined;
  if (existsSync(join(dataDir, movedJournalFile))) {
    return refuse('JOURNAL_MOVED', `the journal of ${dataDir} was moved into a database: name it in journal.postgres`);
  }
  return refuse('JOURNAL_MISSING', `${dataDir} holds no ${journalFile}: name the data directory of a coordinator`);
}

const rowsAtOnce = 1_000;

/** A journal as it lies on disk, read beside the process that writes it. Nothing is checked here. */
export type JournalReader = Readonly<{
  /** The last entry that is there now. */
  head(): JournalHead;
  /** Where the chain stands after entry `seq`; 0 is before the first. */
  at(seq: number): JournalHead | undefined;
  /** Entries after `seq`, up to and with `last`. */
  entries(seq: number, last: number): Generator<StoredEntry>;
  close(): void;
}>;

export function readBeside(dataDir: string): Result<JournalReader, ReadFaultCode> {
  const absent = absentJournal(dataDir);
  if (absent !== undefined) return absent;
  let opened: OpenJournal;
  try {
    opened = openToRead(join(dataDir, journalFile));
  } catch (error) {
    return refuse('DATA_DIR_UNUSABLE', `${dataDir} holds no journal that can be read (${(error as Error).message})`);
  }
  const { db: journal, close } = opened;
  const origin = { seq: 0, chain: chainOrigin };
  return ok({
    head: () =>
      (journal.prepare('SELECT seq, chain FROM entries ORDER BY seq DESC LIMIT 1').get() ?? origin) as JournalHead,
    at: (seq) =>
      seq === 0
        ? origin
        : (journal.prepare('SELECT seq, chain FROM entries WHERE seq = ?').get(seq) as JournalHead | undefined),
    entries: (seq, last) => entriesAfter(journal, seq, last),
    close,
  });
}

/** In pages, so that no reader keeps a running coordinator's log from being folded into its file. */
function* entriesAfter(journal: Database.Database, seq: number, last: number): Generator<StoredEntry> {
  const page = journal.prepare(
    'SELECT seq, epoch, body, chain FROM entries WHERE seq > ? AND seq <= ? ORDER BY seq LIMIT ?',
  );
  for (let at = seq; ; ) {
    const rows = page.all(at, last, rowsAtOnce) as StoredEntry[];
    yield* rows;
    const end = rows.at(-1);
    if (end === undefined) return;
    at = end.seq;
  }
}
