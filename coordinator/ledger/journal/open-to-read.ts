import {
  closeSync,
  constants,
  copyFileSync,
  existsSync,
  mkdtempSync,
  openSync,
  readSync,
  rmSync,
  statSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import Database from 'better-sqlite3';

/** A journal to be read, and nothing else. `close` may be called twice. */
export type OpenJournal = Readonly<{ db: Database.Database; close(): void }>;

/**
 * Opens a journal and leaves the folder that it lies in as it is, which may be on a read-only mount. Who reads a journal whose log
 * nobody has in use makes SQLite write the files of that log beside it, as whoever runs the command, and leave them there: such a
 * journal is read from a copy in the temporary folder, which goes with it. Beside a running writer those files are there, and it is
 * read in its place. Throws what SQLite or the file system says. `copyFile`: for who writes to it meanwhile, in a test.
 */
export function openToRead(path: string, copyFile = copyFileSync): OpenJournal {
  if (existsSync(`${path}-shm`) || !isLogged(path)) return inPlace(path);
  // Whoever began to write meanwhile has made the files by now.
  return ofCopy(path, copyFile) ?? inPlace(path);
}

function inPlace(path: string): OpenJournal {
  const db = new Database(path, { readonly: true, fileMustExist: true, timeout: 5_000 });
  try {
    db.prepare('SELECT count(*) FROM sqlite_master').get(); // The files beside it are opened by the first statement.
  } catch (error) {
    db.close();
    throw error;
  }
  return { db, close: () => void db.close() };
}

/** Undefined where the journal was written to while it was copied. */
function ofCopy(path: string, copyFile: typeof copyFileSync): OpenJournal | undefined {
  const folder = mkdtempSync(join(tmpdir(), 'testudo-journal-'));
  const remove = () => rmSync(folder, { recursive: true, force: true });
  process.once('exit', remove); // A verb that is refused ends where it stands.
  const letGo = () => {
    process.off('exit', remove);
    remove();
  };
  try {
    const copy = join(folder, basename(path));
    const before = stateOf(path);
    copyFile(path, copy, constants.COPYFILE_FICLONE);
    if (existsSync(`${path}-wal`)) copyFile(`${path}-wal`, `${copy}-wal`, constants.COPYFILE_FICLONE);
    if (stateOf(path) !== before) {
      letGo();
      return undefined;
    }
    const { db, close } = inPlace(copy);
    return {
      db,
      close: () => {
        close();
        letGo();
      },
    };
  } catch (error) {
    letGo();
    throw error;
  }
}

/** Changes with every write to the journal or its log, and when somebody takes the log in use. */
function stateOf(path: string): string {
  return ['', '-wal', '-shm']
    .map((suffix) => statSync(`${path}${suffix}`, { bigint: true, throwIfNoEntry: false }))
    .map((found) => (found === undefined ? '' : `${found.ino}/${found.size}/${found.mtimeNs}`))
    .join();
}

/** Whether its commits go to a log beside it (WAL): bytes 18 and 19 of the header say which format writes and reads it. */
function isLogged(path: string): boolean {
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch {
    return false; // SQLite says why.
  }
  try {
    const header = Buffer.alloc(20);
    return readSync(file, header, 0, 20, 0) === 20 && header[18] === 2 && header[19] === 2;
  } catch {
    return false;
  } finally {
    closeSync(file);
  }
}
