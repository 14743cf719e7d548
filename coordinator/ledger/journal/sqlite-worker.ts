import { hash } from 'node:crypto';
import { workerData } from 'node:worker_threads';
import { serveThread } from '../../../base/thread-link.ts';
import type { StoredEntry } from './entry.ts';
import type { JournalHead, Snapshot } from './journal.ts';
import { SqliteFile } from './sqlite-file.ts';

/** What the event loop asks of the journal's thread. */
export type StoreCall = Readonly<
  | { call: 'open' }
  | { call: 'commit'; previous: string; rows: readonly StoredEntry[] }
  | { call: 'read'; fromSeq: number; limit: number }
  | { call: 'verify'; from: JournalHead; limit: number }
  | { call: 'saveSnapshot'; snapshot: Snapshot }
  | { call: 'latestSnapshot' }
  | { call: 'close' }
>;

const { path } = workerData as { path: string };
let file: SqliteFile | undefined;

serveThread(answer, { endOnThrow: true });

function answer(request: StoreCall): unknown {
  if (request.call === 'open') {
    const opened = SqliteFile.open(path);
    if (!opened.ok) return opened;
    file = opened.value;
    file.keepEnd(path);
    return { ok: true, value: { epoch: file.epoch, head: file.head } };
  }
  if (request.call === 'close') {
    file?.close();
    file = undefined;
    return undefined;
  }
  if (file === undefined) throw new Error('journal: asked before it was opened');
  switch (request.call) {
    case 'commit':
      return file.commit(request.previous, request.rows);
    case 'read':
      return file.read(request.fromSeq, request.limit);
    case 'verify':
      return file.walk(request.from, request.limit);
    case 'saveSnapshot':
      return file.saveSnapshot(request.snapshot, hash('sha256', request.snapshot.body, 'hex'));
    case 'latestSnapshot': {
      const snapshot = file.latestSnapshot();
      // A snapshot only saves time: one that does not hash right is as good as none.
      return snapshot !== undefined && hash('sha256', snapshot.body, 'hex') === snapshot.digest ? { snapshot } : {};
    }
  }
}
