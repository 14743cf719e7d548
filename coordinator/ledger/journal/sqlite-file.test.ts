import { createHash } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, it, onTestFinished } from 'vitest';
import { unwrap } from '../../../base/fault.ts';
import { openFiles } from '../../../base/testing/open-files.ts';
import { tempDir } from '../../testing/temp-dir.ts';
import { chainOrigin, type StoredEntry, sealEntry } from './entry.ts';
import type { JournalHead } from './journal.ts';
import { draft } from './journal-contract.ts';
import { EndNote, readEnd } from './journal-end.ts';
import { SqliteFile } from './sqlite-file.ts';

/** So many lines after `from`. */
function linesAfter(from: JournalHead, count: number, epoch = 1): readonly StoredEntry[] {
  const rows: StoredEntry[] = [];
  let tip = from;
  for (let index = 0; index < count; index++) {
    const [entry, row] = sealEntry(tip.chain, { ...draft(from.seq + index), seq: tip.seq + 1, epoch });
    rows.push(row);
    tip = entry;
  }
  return rows;
}

const origin: JournalHead = { seq: 0, chain: chainOrigin };
const pathIn = (dir = tempDir()) => join(dir, 'journal.sqlite');

function opened(path: string): SqliteFile {
  const file = unwrap(SqliteFile.open(path));
  onTestFinished(() => file.close());
  return file;
}

function written(path: string, count: number): SqliteFile {
  const file = opened(path);
  expect(file.commit(file.head.chain, linesAfter(file.head, count, file.epoch)).ok).toBe(true);
  return file;
}

/** How many files of this process are open in the folder of a journal. */
const openIn = (path: string) => openFiles().filter((open) => open.startsWith(path)).length;

describe('the file of a journal', () => {
  it('is let go of where it is refused, and after it was closed', () => {
    const path = pathIn();
    const file = unwrap(SqliteFile.open(path));
    file.commit(file.head.chain, linesAfter(file.head, 2));
    expect(openIn(path)).toBeGreaterThan(0);
    file.close();
    expect(openIn(path)).toBe(0);
    expect(file.read(1, 1)).toMatchObject({
      fault: { code: 'JOURNAL_IO', message: expect.stringMatching(/the disk failed \(error: .*not open/) },
    });
    const db = new Database(path);
    db.exec("DROP TRIGGER entries_stay; UPDATE entries SET body = '{}' WHERE seq = 2");
    db.close();
    expect(SqliteFile.open(path)).toMatchObject({ ok: false, fault: { code: 'JOURNAL_DAMAGED' } });
    expect(openIn(path)).toBe(0);
    writeFileSync(path, 'no database at all, and longer than its header would be'.repeat(9));
    expect(SqliteFile.open(path)).toMatchObject({ ok: false, fault: { code: 'JOURNAL_DAMAGED' } });
    expect(openIn(path)).toBe(0);
  });

  it('follows its last line alone, and is what it was where it refuses', () => {
    const file = written(pathIn(), 3);
    const strangers = linesAfter({ seq: 3, chain: 'f'.repeat(64) }, 1);
    const refused = file.commit('f'.repeat(64), strangers);
    expect(refused).toMatchObject({ ok: false, fault: { code: 'JOURNAL_DAMAGED', fields: { seq: 3 } } });
    expect(!refused.ok && refused.fault.message).toMatch(
      /^journal: an append does not follow the last entry\. Restore/,
    );
    expect(file.head.seq).toBe(3);
    expect(unwrap(file.read(1, 10))).toHaveLength(3);
    // The transaction is over: the next one begins.
    expect(file.commit(file.head.chain, linesAfter(file.head, 1))).toEqual({ ok: true, value: undefined });
    expect(unwrap(file.read(4, 10)).map(({ seq }) => seq)).toEqual([4]);
  });

  it('keeps lines whole or not at all: one that is there already takes back those before it', () => {
    const file = written(pathIn(), 2);
    const twice = linesAfter(file.head, 2);
    const failed = file.commit(file.head.chain, [...twice, twice[1] as StoredEntry]);
    expect(failed).toMatchObject({ ok: false, fault: { code: 'JOURNAL_IO' } });
    expect(!failed.ok && failed.fault.message).toMatch(
      /SQLITE_CONSTRAINT.*Check the disk and its mount, then start again: what is on it/,
    );
    expect(unwrap(file.read(1, 10))).toHaveLength(2);
    expect(file.commit(file.head.chain, twice).ok).toBe(true);
    expect(file.head.seq).toBe(4);
  });

  it('is written by whoever opened it last, and tells the one before who that is', () => {
    const path = pathIn();
    const first = written(path, 1);
    const second = opened(path);
    expect([first.epoch, second.epoch]).toEqual([1, 2]);
    const stale = first.commit(first.head.chain, linesAfter(first.head, 1));
    const message = 'epoch 2 has taken this journal over from 1; stop this coordinator';
    expect(stale).toMatchObject({ ok: false, fault: { code: 'EPOCH_STALE', message } });
    expect(first.head.seq).toBe(1);
    expect(second.commit(second.head.chain, linesAfter(second.head, 1, 2)).ok).toBe(true);
  });

  it('goes on above the epoch of lines that came from elsewhere, and never below its own', () => {
    const path = pathIn();
    const file = opened(path);
    expect(file.succeed(7).ok).toBe(true);
    expect(file.epoch).toBe(7);
    expect(file.succeed(3).ok).toBe(true);
    expect(file.epoch).toBe(7);
    expect(file.commit(chainOrigin, linesAfter(origin, 1, 7)).ok).toBe(true);
    expect(opened(path).epoch).toBe(8);
  });

  it('holds the newest snapshot of its own lines, and none of others', () => {
    const file = written(pathIn(), 3);
    expect(file.latestSnapshot()).toBeUndefined();
    const [, second] = unwrap(file.read(1, 3)) as [StoredEntry, StoredEntry, StoredEntry];
    const snapshot = { seq: 2, chain: second.chain, version: 4, body: '{"a":1}' };
    const digest = createHash('sha256').update(snapshot.body).digest('hex');
    expect(file.saveSnapshot(snapshot, digest).ok).toBe(true);
    expect(file.latestSnapshot()).toEqual({ ...snapshot, digest });
    for (const foreign of [
      { ...snapshot, chain: 'f'.repeat(64) },
      { ...snapshot, seq: 9 },
    ]) {
      const refused = file.saveSnapshot(foreign, digest);
      expect(refused).toMatchObject({ ok: false, fault: { code: 'JOURNAL_DAMAGED', fields: { seq: foreign.seq } } });
      expect(!refused.ok && refused.fault.message).toContain(`the snapshot of entry ${foreign.seq} belongs to another`);
    }
    const newer = { ...snapshot, ...file.head, body: '{"a":2}' };
    expect(file.saveSnapshot(newer, digest).ok).toBe(true);
    expect(file.latestSnapshot()).toEqual({ ...newer, digest });
  });

  it('is walked in pieces that follow one another', () => {
    const file = written(pathIn(), 5);
    const two = unwrap(file.walk(origin, 2));
    expect(two.seq).toBe(2);
    expect(unwrap(file.walk(two, 2)).seq).toBe(4);
    expect(unwrap(file.walk(two, 100))).toEqual(file.head);
    expect(unwrap(file.walk(file.head, 100))).toEqual(file.head);
  });

  it('says beside itself how far it has come, where it is asked to', () => {
    const path = pathIn();
    const file = written(path, 1);
    expect(readEnd(path)).toBeUndefined();
    file.keepEnd(path);
    expect(readEnd(path)).toEqual(file.head);
    file.commit(file.head.chain, linesAfter(file.head, 2));
    expect(readEnd(path)).toEqual(file.head);
    expect(file.head.seq).toBe(3);
  });

  it('opens again where it said that nothing was written yet', () => {
    const path = pathIn();
    const file = unwrap(SqliteFile.open(path));
    file.keepEnd(path);
    file.close();
    expect(readEnd(path)).toEqual(origin);
    expect(opened(path).head).toEqual(origin);
  });

  it('is private, with the files beside it, though others could read them before', () => {
    const path = pathIn();
    written(path, 1);
    const all = [path, `${path}-wal`, `${path}-shm`];
    for (const file of all) chmodSync(file, 0o644);
    opened(path);
    expect(all.map((file) => (statSync(file).mode & 0o777).toString(8))).toEqual(['600', '600', '600']);
  });
});

describe('a file that is no journal of ours', () => {
  it('is left as it is where a newer build wrote it: the fault names both layouts', () => {
    const path = pathIn();
    unwrap(SqliteFile.open(path)).close();
    const db = new Database(path);
    onTestFinished(() => void db.close());
    db.pragma('user_version = 7');
    const refused = SqliteFile.open(path);
    expect(refused).toMatchObject({ ok: false, fault: { code: 'JOURNAL_NEWER', fields: { version: 7 } } });
    const message = 'journal: layout 7, but this build knows 1. Start the build that wrote it, or a newer one';
    expect(!refused.ok && refused.fault.message).toBe(message);
    expect(db.prepare('SELECT epoch FROM fence').get()).toEqual({ epoch: 1 });
    // Nothing holds it any more: it can be locked whole.
    db.pragma('locking_mode = EXCLUSIVE');
    db.pragma('user_version = 1');
    db.close();
    expect(SqliteFile.open(path).ok).toBe(true);
  });

  it('is said to be damaged where it cannot be read as a database', () => {
    const path = pathIn();
    writeFileSync(path, 'not a database at all, but long enough to be read as the header of one'.repeat(20));
    for (const refused of [SqliteFile.open(path), SqliteFile.verify(path)]) {
      expect(refused).toMatchObject({ ok: false, fault: { code: 'JOURNAL_DAMAGED', fields: { seq: 0 } } });
      expect(!refused.ok && refused.fault.message).toMatch(
        /the file cannot be read as a database \(SQLITE_NOTADB: file/,
      );
    }
  });

  it('is a failure of the disk where it cannot be opened, and none is made to look at', () => {
    const folder = pathIn();
    mkdirSync(folder);
    const opening = SqliteFile.open(folder);
    expect(opening).toMatchObject({ ok: false, fault: { code: 'JOURNAL_IO' } });
    expect(!opening.ok && opening.fault.message).toMatch(
      /^journal: the disk failed \((?:error|SQLITE_\w+): \S.*\)\. Check the disk/,
    );
    const nowhere = pathIn();
    const verifying = SqliteFile.verify(nowhere);
    expect(verifying).toMatchObject({ ok: false, fault: { code: 'JOURNAL_IO' } });
    expect(!verifying.ok && verifying.fault.message).toContain('SQLITE_CANTOPEN');
    expect(existsSync(nowhere)).toBe(false);
  });

  it('is looked through without being written to', () => {
    const path = pathIn();
    const file = written(path, 2);
    expect(unwrap(SqliteFile.verify(path))).toEqual(file.head);
    expect(file.commit(file.head.chain, linesAfter(file.head, 1)).ok).toBe(true); // Its epoch is the newest still.
  });

  it('ends where its note says that it does not, or that it ended otherwise', () => {
    const path = pathIn();
    const file = written(path, 4);
    const [, second] = unwrap(file.read(1, 2)) as [StoredEntry, StoredEntry];
    file.keepEnd(path);
    const note = (seq: number, chain: string) => {
      const end = new EndNote(path);
      end.write({ seq, chain });
      end.close();
    };
    note(second.seq, second.chain); // Written before the last lines: a crash between them leaves that.
    expect(SqliteFile.verify(path)).toEqual({ ok: true, value: file.head });
    note(9, second.chain);
    const lost = SqliteFile.verify(path);
    expect(lost).toMatchObject({ ok: false, fault: { fields: { seq: 5 } } });
    expect(!lost.ok && lost.fault.message).toContain(
      'it ends with entry 4, but entry 9 was written: the end of its file, or of the -wal beside it, was damaged, cut or lost',
    );
    note(2, 'f'.repeat(64));
    const other = SqliteFile.verify(path);
    expect(other).toMatchObject({ ok: false, fault: { fields: { seq: 2 } } });
    expect(!other.ok && other.fault.message).toContain('entry 2 was written as another one');
  });
});
