import { existsSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { expect, it } from 'vitest';
import { unwrap } from '../../../base/fault.ts';
import { startThread } from '../../../base/thread-link.ts';
import { tempDir } from '../../testing/temp-dir.ts';
import { sealEntry } from './entry.ts';
import { draft } from './journal-contract.ts';
import { openSqliteStore } from './sqlite-store.ts';
import type { StoreCall } from './sqlite-worker.ts';
import { noHead } from './walk.ts';

const [head, line] = sealEntry(noHead.chain, { ...draft(1), seq: 1, epoch: 1 });
const pathIn = () => join(tempDir(), 'journal.sqlite');
const lost = (why: string) => ({
  ok: false,
  fault: { code: 'JOURNAL_IO', message: expect.stringMatching(`^journal: ${why}.*; start the coordinator again$`) },
});

it('a store that is closed has folded its log into its file, and every later question is refused', async () => {
  const path = pathIn();
  const { store } = unwrap(await openSqliteStore(path));
  unwrap(await store.commit(noHead.chain, [line]));
  expect(existsSync(`${path}-wal`)).toBe(true);
  await Promise.all([store.close(), store.close()]);
  expect(existsSync(`${path}-wal`)).toBe(false);
  expect(await store.read(1, 1)).toMatchObject(lost('it has ended'));
});

it('a thread that threw is believed no more: what it was asked then, and all after it, is not known', async () => {
  const { store } = unwrap(await openSqliteStore(pathIn()));
  const wrong = store.verify(undefined as never, 1);
  const after = store.commit(noHead.chain, [line]);
  expect([await wrong, await after]).toMatchObject([lost('.*undefined'), lost('.*undefined')]);
  expect(await store.read(1, 1)).toMatchObject(lost('.*undefined'));
  await store.close();
});

it('a thread that was never asked to open anything answers nothing', async () => {
  const program = new URL('./sqlite-worker.ts', import.meta.url);
  const thread = startThread<StoreCall>(program, { workerData: { path: pathIn() } });
  await expect(thread.ask({ call: 'read', fromSeq: 1, limit: 1 })).rejects.toThrow('asked before it was opened');
});

it('a snapshot that was changed on disk is as good as none', async () => {
  const path = pathIn();
  const { store } = unwrap(await openSqliteStore(path));
  expect(await store.latestSnapshot()).toBeUndefined();
  unwrap(await store.commit(noHead.chain, [line]));
  const snapshot = { seq: 1, chain: head.chain, version: 1, body: '{"a":1}' };
  unwrap(await store.saveSnapshot(snapshot));
  expect(await store.latestSnapshot()).toMatchObject(snapshot);
  const db = new Database(path);
  db.exec(`UPDATE snapshots SET body = '{"a":2}'`);
  db.close();
  expect(await store.latestSnapshot()).toBeUndefined();
  await store.close();
});
