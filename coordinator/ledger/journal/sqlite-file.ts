import { existsSync } from 'node:fs';
import Database from 'better-sqlite3';
import { ensurePrivateFile } from '../../../base/atomic-file.ts';
import { ok, type Result, refuse } from '../../../base/fault.ts';
import { chainOrigin, type StoredEntry } from './entry.ts';
import type { JournalFaultCode, JournalHead, Snapshot } from './journal.ts';
import { EndNote, readEnd } from './journal-end.ts';
import { type OpenJournal, openToRead } from './open-to-read.ts';
import { refusalOf } from './sqlite-faults.ts';
import { damaged, findBreak } from './walk.ts';

type Outcome<Value = void> = Result<Value, JournalFaultCode>;

/** The layout of the tables below. A journal with a higher number was written by a newer build. */
const layoutVersion = 1;

const tables = `
  CREATE TABLE IF NOT EXISTS entries (
    seq INTEGER PRIMARY KEY, epoch INTEGER NOT NULL, body TEXT NOT NULL, chain TEXT NOT NULL
  ) STRICT;
  CREATE TABLE IF NOT EXISTS fence (id INTEGER PRIMARY KEY CHECK (id = 1), epoch INTEGER NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS snapshots (
    seq INTEGER PRIMARY KEY, chain TEXT NOT NULL, version INTEGER NOT NULL, body TEXT NOT NULL, digest TEXT NOT NULL
  ) STRICT;
  INSERT OR IGNORE INTO fence (id, epoch) VALUES (1, 0);
  CREATE TRIGGER IF NOT EXISTS entries_stay BEFORE UPDATE ON entries
    BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
  CREATE TRIGGER IF NOT EXISTS entries_remain BEFORE DELETE ON entries
    BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
`;

/**
 * A journal in one SQLite file, synchronous: sqlite-worker.ts runs it off the event loop. WAL with synchronous=FULL:
 * every commit syncs the log before it returns. Not locked exclusively, so that backups and `verify` can read beside
 * the writer; the fence row keeps a writer out that has been superseded.
 */
export class SqliteFile {
  #db: Database.Database;
  #epoch: number;
  #head: JournalHead;
  #end: EndNote | undefined;

  private constructor(db: Database.Database, epoch: number, head: JournalHead) {
    this.#db = db;
    this.#epoch = epoch;
    this.#head = head;
  }

  /** Opens for writing: checks every line, then raises the fencing epoch. */
  static open(path: string): Outcome<SqliteFile> {
    let db: Database.Database | undefined;
    const end = readEnd(path);
    try {
      ensurePrivateFile(path); // SQLite gives its mode to the files beside it.
      for (const beside of [`${path}-wal`, `${path}-shm`]) if (existsSync(beside)) ensurePrivateFile(beside);
      db = new Database(path, { timeout: 5_000 });
      const version = Number(db.pragma('user_version', { simple: true }));
      if (version > layoutVersion) {
        db.close();
        return refuse(
          'JOURNAL_NEWER',
          `journal: layout ${version}, but this build knows ${layoutVersion}. Start the build that wrote it, or a newer one`,
          { version },
        );
      }
      db.pragma('journal_mode = WAL');
      db.pragma('synchronous = FULL');
      db.pragma('foreign_keys = ON');
      if (version === 0) {
        db.transaction(() => {
          (db as Database.Database).exec(tables);
          (db as Database.Database).pragma(`user_version = ${layoutVersion}`);
        }).immediate();
      }
      const head = walkAll(db, end);
      if (!head.ok) {
        db.close();
        return head;
      }
      return ok(new SqliteFile(db, raiseEpoch(db), head.value));
    } catch (error) {
      db?.close();
      return refusalOf(error);
    }
  }

  /** Walks every line of a journal that may be in use, without writing to it or beside it. */
  static verify(path: string): Outcome<JournalHead> {
    let journal: OpenJournal | undefined;
    const end = readEnd(path); // Before the lines, of which a writer may append more.
    try {
      journal = openToRead(path);
      return walkAll(journal.db, end);
    } catch (error) {
      return refusalOf(error);
    } finally {
      journal?.close();
    }
  }

  /** Writes down beside the file how far it has come, from now on: for the journal that somebody goes on with, and no copy. */
  keepEnd(path: string): void {
    this.#end = new EndNote(path);
    this.#end.write(this.#head);
  }

  get epoch(): number {
    return this.#epoch;
  }

  get head(): JournalHead {
    return this.#head;
  }

  commit(previous: string, rows: readonly StoredEntry[]): Outcome {
    return this.#write(
      () => {
        if (previous !== this.#head.chain) return damaged(this.#head.seq, 'an append does not follow the last entry');
        const insert = this.#db.prepare('INSERT INTO entries (seq, epoch, body, chain) VALUES (?, ?, ?, ?)');
        for (const { seq, epoch, body, chain } of rows) insert.run(seq, epoch, body, chain);
        return ok(undefined);
      },
      () => {
        const { seq, chain } = rows.at(-1) as StoredEntry;
        this.#head = { seq, chain };
        this.#end?.write(this.#head);
      },
    );
  }

  /** Goes on from lines that another medium's writers wrote: what is written next is of a later epoch than they are. */
  succeed(epoch: number): Outcome {
    return this.#write(
      () => {
        this.#db.prepare('UPDATE fence SET epoch = ? WHERE id = 1').run(Math.max(epoch, this.#epoch));
        return ok(undefined);
      },
      () => {
        this.#epoch = Math.max(epoch, this.#epoch);
      },
    );
  }

  saveSnapshot({ seq, chain, version, body }: Snapshot, digest: string): Outcome {
    return this.#write(() => {
      const row = this.#db.prepare('SELECT chain FROM entries WHERE seq = ?').get(seq) as { chain: string } | undefined;
      if (row?.chain !== chain) return damaged(seq, `the snapshot of entry ${seq} belongs to another journal`);
      this.#db.prepare('DELETE FROM snapshots').run();
      const insert = this.#db.prepare(
        'INSERT INTO snapshots (seq, chain, version, body, digest) VALUES (?, ?, ?, ?, ?)',
      );
      insert.run(seq, chain, version, body, digest);
      return ok(undefined);
    });
  }

  latestSnapshot(): (Snapshot & { digest: string }) | undefined {
    const query = this.#db.prepare('SELECT seq, chain, version, body, digest FROM snapshots ORDER BY seq DESC LIMIT 1');
    return query.get() as (Snapshot & { digest: string }) | undefined;
  }

  read(fromSeq: number, limit: number): Outcome<readonly StoredEntry[]> {
    try {
      const query = this.#db.prepare('SELECT seq, epoch, body, chain FROM entries WHERE seq >= ? ORDER BY seq LIMIT ?');
      return ok(query.all(fromSeq, limit) as StoredEntry[]);
    } catch (error) {
      return refusalOf(error);
    }
  }

  walk(from: JournalHead, limit: number): Outcome<JournalHead> {
    const rows = this.read(from.seq + 1, limit);
    return rows.ok ? findBreak(from, rows.value) : rows;
  }

  close(): void {
    this.#end?.close();
    this.#db.close();
  }

  /** One transaction under the fence; a refusal from `body` rolls it back. */
  #write(body: () => Outcome, committed: () => void = () => {}): Outcome {
    try {
      this.#db.exec('BEGIN IMMEDIATE');
      const { epoch } = this.#db.prepare('SELECT epoch FROM fence WHERE id = 1').get() as { epoch: number };
      const outcome =
        epoch === this.#epoch
          ? body()
          : refuse(
              'EPOCH_STALE',
              `epoch ${epoch} has taken this journal over from ${this.#epoch}; stop this coordinator`,
            );
      this.#db.exec(outcome.ok ? 'COMMIT' : 'ROLLBACK');
      if (outcome.ok) committed();
      return outcome;
    } catch (error) {
      return this.#afterFailure(error);
    }
  }

  #afterFailure(error: unknown): Outcome {
    const refusal = refusalOf(error);
    try {
      if (this.#db.inTransaction) this.#db.exec('ROLLBACK');
    } catch (rollbackError) {
      return refusalOf(rollbackError); // Worse than the failure itself.
    }
    return refusal;
  }
}

/**
 * In a transaction of its own: a statement alone answers its row before it commits, and a commit that a full disk refuses
 * then goes unnoticed. The epoch would be one that nobody holds, and the next write would be refused as somebody else's.
 */
function raiseEpoch(db: Database.Database): number {
  const raise = db.prepare('UPDATE fence SET epoch = epoch + 1 WHERE id = 1 RETURNING epoch');
  const { epoch } = db.transaction(() => raise.get()).immediate() as { epoch: number };
  return epoch;
}

/** `end`: how far it had come, as it lies beside it. */
function walkAll(db: Database.Database, end: JournalHead | undefined): Outcome<JournalHead> {
  const rows = db.prepare('SELECT seq, epoch, body, chain FROM entries ORDER BY seq').iterate();
  const head = findBreak({ seq: 0, chain: chainOrigin }, rows as IterableIterator<StoredEntry>);
  if (!head.ok || end === undefined || end.seq === 0) return head;
  const { seq } = head.value;
  if (seq < end.seq) {
    const lost = `the end of its file, or of the -wal beside it, was damaged, cut or lost`;
    return damaged(seq + 1, `it ends with entry ${seq}, but entry ${end.seq} was written: ${lost}`);
  }
  const there = db.prepare('SELECT chain FROM entries WHERE seq = ?').get(end.seq) as { chain: string };
  return there.chain === end.chain
    ? head
    : damaged(
        end.seq,
        `entry ${end.seq} was written as another one: it, or one before it, was replaced with its chain`,
      );
}
