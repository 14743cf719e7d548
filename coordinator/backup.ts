import { existsSync } from 'node:fs';
import { cp, readdir } from 'node:fs/promises';
import { join, relative, resolve, sep } from 'node:path';
import Database from 'better-sqlite3';
import { ensurePrivateFile, isMissing, makeFolder, privateFolderMode, syncPath } from '../base/atomic-file.ts';
import { ok, type Result, refuse } from '../base/fault.ts';
import type { JournalFaultCode, JournalHead } from './ledger/journal/journal.ts';
import { openToRead } from './ledger/journal/open-to-read.ts';
import { type AbsenceCode, absentJournal, journalFile } from './ledger/journal/read-beside.ts';
import { SqliteFile } from './ledger/journal/sqlite-file.ts';

/** What a data directory needs to go on elsewhere. Uploads under way, scratch and locks are not part of it. */
const folders = ['blobs', 'keys', 'identity'] as const;
/** Copied before the journal: a head that is signed meanwhile would be of more entries than the copy has. */
export const headsFolder = 'transparency';

/**
 * Copies a data directory, which must be whole, also while its coordinator runs, into `target`, which must be new or empty. After its signed heads
 * the journal comes first: whatever it names is in the folders copied after it, but for sealed updates and keys of rounds that ended
 * meanwhile; such a round is then abandoned by name when the copy is started. The copy's journal is verified.
 */
export async function backUp(
  dataDir: string,
  target: string,
): Promise<Result<JournalHead, JournalFaultCode | TargetFaultCode | AbsenceCode | 'DATA_DIR_UNUSABLE'>> {
  try {
    const absent = absentJournal(dataDir);
    if (absent !== undefined) return absent;
    const lost = folders.find((folder) => !existsSync(join(dataDir, folder)));
    if (lost !== undefined) {
      const message = `${join(dataDir, lost)} is gone: what is left would be no backup; bring it back from an earlier one`;
      return refuse('DATA_DIR_UNUSABLE', message);
    }
    const made = await makeTarget(dataDir, target);
    if (!made.ok) return made;
    await copyFolder(join(dataDir, headsFolder), join(target, headsFolder));
    const journal = openToRead(join(dataDir, journalFile));
    ensurePrivateFile(join(target, journalFile)); // Before SQLite makes it for everybody to read.
    try {
      await journal.db.backup(join(target, journalFile));
    } finally {
      journal.close();
    }
    const copy = new Database(join(target, journalFile));
    copy.pragma('journal_mode = DELETE'); // One file, with nothing beside it; the next start makes it WAL again.
    copy.close();
    for (const folder of folders) await copyFolder(join(dataDir, folder), join(target, folder));
    await syncPath(join(target, journalFile));
    return SqliteFile.verify(join(target, journalFile));
  } catch (error) {
    return refuse('DATA_DIR_UNUSABLE', `the backup failed (${(error as Error).message}); what is in ${target} is none`);
  }
}

/** Walks the journal's chain; safe beside a running coordinator. */
export function verifyDataDir(dataDir: string): Result<JournalHead, JournalFaultCode | AbsenceCode> {
  return absentJournal(dataDir) ?? SqliteFile.verify(join(dataDir, journalFile));
}

export type TargetFaultCode = 'TARGET_NOT_EMPTY' | 'TARGET_INSIDE';

/** A new or empty folder for a copy of `dataDir`, outside of it. */
export async function makeTarget(dataDir: string, target: string): Promise<Result<undefined, TargetFaultCode>> {
  const [outwards = ''] = relative(resolve(dataDir), resolve(target)).split(sep);
  if (outwards !== '..') {
    return refuse('TARGET_INSIDE', `${target} lies in the data directory; keep a backup in another place`);
  }
  makeFolder(target, privateFolderMode);
  if ((await readdir(target)).length > 0) {
    return refuse('TARGET_NOT_EMPTY', `${target} holds files already; name a new folder for each backup`);
  }
  return ok(undefined);
}

/** A folder that is not there is empty; one that cannot be read is not, and throws. */
export async function copyFolder(from: string, to: string): Promise<void> {
  const names = await readdir(from).catch((error: unknown): string[] => {
    if (isMissing(error)) return [];
    throw error;
  });
  makeFolder(to, privateFolderMode);
  for (const name of names) {
    try {
      await cp(join(from, name), join(to, name), { preserveTimestamps: true });
      await syncPath(join(to, name));
    } catch (error) {
      if (!isMissing(error)) throw error; // Of a round that ended just now.
    }
  }
  await syncPath(to);
}
