import {
  copyFileSync,
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { unwrap } from '../../../base/fault.ts';
import { openFiles } from '../../../base/testing/open-files.ts';
import { canMount, makeReadOnly, mountSmallDisk } from '../../../base/testing/small-disk.ts';
import { tempDir } from '../../testing/temp-dir.ts';
import { type StoredEntry, sealEntry } from './entry.ts';
import type { JournalHead } from './journal.ts';
import { draft } from './journal-contract.ts';
import { openToRead } from './open-to-read.ts';
import { journalFile, readBeside } from './read-beside.ts';
import { SqliteFile } from './sqlite-file.ts';

/** A journal of two lines, of which the last is in the log alone, as long as its writer is there. */
function written(dataDir: string): Readonly<{ file: SqliteFile; head: JournalHead }> {
  const file = unwrap(SqliteFile.open(join(dataDir, journalFile)));
  for (const at of [1, 2]) {
    const [, row] = sealEntry(file.head.chain, { ...draft(at), seq: at, epoch: file.epoch });
    unwrap(file.commit(file.head.chain, [row] as readonly StoredEntry[]));
  }
  return { file, head: file.head };
}

/** What a process that was killed leaves: all but the files named. */
function leftOf(dataDir: string, ...gone: readonly string[]): string {
  const left = tempDir();
  for (const name of readdirSync(dataDir))
    if (!gone.includes(name)) copyFileSync(join(dataDir, name), join(left, name));
  return left;
}

/** Every file with its bytes and the time of its last change. */
const everything = (folder: string) =>
  readdirSync(folder)
    .sort()
    .map((name) => [
      name,
      readFileSync(join(folder, name), 'hex'),
      statSync(join(folder, name), { bigint: true }).mtimeNs,
    ]);

const shm = `${journalFile}-shm`;

/** The journals below these folders, or in copies, that this process has open. */
function openNow(...folders: readonly string[]): readonly string[] {
  const below = [...folders, process.env.TMPDIR ?? ''];
  return openFiles().filter((path) => path.includes(journalFile) && below.some((folder) => path.startsWith(folder)));
}

/** The temporary folder is the test's own from here on. What is in it: nothing, where no copy is left. */
function ownTemporaryFolder(): () => readonly string[] {
  const folder = tempDir();
  vi.stubEnv('TMPDIR', folder);
  onTestFinished(() => void vi.unstubAllEnvs());
  return () => readdirSync(folder);
}

describe('reading a journal leaves its folder as it is, as on a read-only mount,', () => {
  const states: readonly (readonly [string, () => Readonly<{ dataDir: string; head: JournalHead }>])[] = [
    [
      'after its coordinator has ended',
      () => {
        const dataDir = tempDir();
        const { file, head } = written(dataDir);
        file.close();
        return { dataDir, head };
      },
    ],
    [
      'after its coordinator was killed and its image lost the index of its log, with the lines that are in the log alone',
      () => {
        const dataDir = tempDir();
        const { file, head } = written(dataDir);
        onTestFinished(() => file.close());
        return { dataDir: leftOf(dataDir, shm), head };
      },
    ],
  ];
  it.each(states)('%s', (_, made) => {
    const { dataDir, head } = made();
    const before = everything(dataDir);
    const copies = ownTemporaryFolder();
    expect(unwrap(SqliteFile.verify(join(dataDir, journalFile)))).toEqual(head);
    const reader = unwrap(readBeside(dataDir));
    expect(reader.head()).toEqual(head);
    expect(everything(dataDir)).toEqual(before);
    expect(copies()).toHaveLength(1);
    reader.close();
    expect(copies()).toEqual([]);
  });

  it('where what the reading needs can neither be opened nor made', () => {
    const dataDir = tempDir();
    const { file, head } = written(dataDir);
    onTestFinished(() => file.close());
    const left = leftOf(dataDir, shm);
    mkdirSync(join(left, shm)); // Nobody may write there: no user of tests can be kept from a folder.
    expect(unwrap(SqliteFile.verify(join(left, journalFile)))).toEqual(head);
    expect(readdirSync(join(left, shm))).toEqual([]);
  });

  it('where all that a killed coordinator left lies on a disk that cannot be written to', (context) => {
    const disk = tempDir();
    if (!canMount(disk)) return context.skip('mounting a tmpfs is not allowed here');
    const dataDir = tempDir();
    const { file, head } = written(dataDir);
    onTestFinished(() => file.close());
    mountSmallDisk(disk, 4_096);
    cpSync(dataDir, disk, { recursive: true });
    makeReadOnly(disk);
    const copies = ownTemporaryFolder();
    const { db, close } = openToRead(join(disk, journalFile));
    expect(db.prepare('SELECT max(seq) FROM entries').pluck().get()).toBe(head.seq);
    expect([db.readonly, copies()]).toEqual([true, []]);
    close();
  });
});

/** Copies, and lets something happen then. */
function copying(then: () => void): typeof copyFileSync {
  return (...files) => {
    copyFileSync(...files);
    then();
  };
}

it.each<[string, (path: string) => void]>([
  ['its file', (path) => utimesSync(path, 1, 1)],
  ['its log', (path) => utimesSync(`${path}-wal`, 1, 1)],
  ['the index of its log', (path) => writeFileSync(`${path}-shm`, '')],
])('a journal of which %s changes while it is copied has a writer again, and is read in its place', (_, change) => {
  const dataDir = tempDir();
  const { file, head } = written(dataDir);
  onTestFinished(() => file.close());
  const path = join(leftOf(dataDir, shm), journalFile);
  const copies = ownTemporaryFolder();
  const exits = process.listenerCount('exit');
  const { db, close } = openToRead(
    path,
    copying(() => change(path)),
  );
  expect(db.prepare('SELECT max(seq) FROM entries').pluck().get()).toBe(head.seq);
  expect([copies(), process.listenerCount('exit')]).toEqual([[], exits]);
  close();
});

it('a copy is let go of with all that is open, whether it is closed once, twice or by the end of the process', () => {
  const dataDir = tempDir();
  written(dataDir).file.close();
  const path = join(dataDir, journalFile);
  const copies = ownTemporaryFolder();
  const exits = process.listenerCount('exit');
  const { close } = openToRead(path);
  expect([copies().length, process.listenerCount('exit')]).toEqual([1, exits + 1]);
  const [remove] = process.listeners('exit').slice(-1);
  remove?.(0);
  expect(copies()).toEqual([]);
  close();
  close();
  expect([openNow(dataDir), process.listenerCount('exit')]).toEqual([[], exits]);
});

it.each<[string, number, number]>([
  ['written to and read without one', 1, 1],
  ['written to with one and read without', 2, 1],
  ['read with one and written to without', 1, 2],
])('a journal whose header says that it is %s has no log that would be made beside it', (_, written_, read) => {
  const dataDir = tempDir();
  written(dataDir).file.close();
  const path = join(dataDir, journalFile);
  const db = new Database(path);
  db.pragma('journal_mode = DELETE');
  db.close();
  const bytes = readFileSync(path);
  bytes.set([written_, read], 18);
  writeFileSync(path, bytes);
  const copies = ownTemporaryFolder();
  const { close } = openToRead(path);
  expect(copies()).toEqual([]);
  close();
  expect(openNow(dataDir)).toEqual([]);
});

it('beside its writer a journal is read in its place, with what is written meanwhile', () => {
  const dataDir = tempDir();
  const { file, head } = written(dataDir);
  onTestFinished(() => file.close());
  const reader = unwrap(readBeside(dataDir));
  onTestFinished(() => reader.close());
  expect(reader.head()).toEqual(head);
  const [, row] = sealEntry(head.chain, { ...draft(3), seq: 3, epoch: file.epoch });
  unwrap(file.commit(head.chain, [row]));
  expect(reader.head()).toEqual(file.head);
});

it('what is no journal is refused as SQLite says it, and leaves no copy', () => {
  const folder = tempDir();
  const copies = ownTemporaryFolder();
  const path = join(folder, journalFile);
  expect(() => openToRead(path)).toThrow('unable to open database file');
  expect(() => openToRead(folder)).toThrow('disk I/O error');
  writeFileSync(path, 'x'.repeat(4_096));
  expect(() => openToRead(path)).toThrow('file is not a database');
  const logged = Buffer.alloc(4_096, 2); // Says that it has a log, and is none.
  writeFileSync(path, logged);
  expect(() => openToRead(path)).toThrow('file is not a database');
  expect(copies()).toEqual([]);
  expect(openNow(folder)).toEqual([]);
});
