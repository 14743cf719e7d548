import { Worker } from 'node:worker_threads';
import type { Result } from '../../../base/fault.ts';
import { siblingModule } from '../../../base/sibling-module.ts';
import type { StoredEntry } from './entry.ts';
import type { JournalFaultCode, JournalHead, Snapshot } from './journal.ts';
import type { JournalStore, OpenedStore } from './journal-store.ts';
import type { StoreAnswer, StoreCall, StoreRequest } from './sqlite-worker.ts';

/**
 * Opens the journal file in a thread of its own: a sync of 0.2 to 10 ms (more on a tired disk) never blocks the event
 * loop, and commits gather while one runs. A hop between threads costs some 30 µs, less than the sync it hides.
 */
export async function openSqliteStore(path: string): Promise<Result<OpenedStore, JournalFaultCode>> {
  const thread = new StoreThread(path);
  const opened = await thread.ask<Result<{ epoch: number; head: JournalHead }, JournalFaultCode>>({ call: 'open' });
  if (opened.ok) return { ok: true, value: { store: new SqliteStore(thread), ...opened.value } };
  await thread.end();
  return opened;
}

class SqliteStore implements JournalStore {
  #thread: StoreThread;

  constructor(thread: StoreThread) {
    this.#thread = thread;
  }

  commit(previous: string, rows: readonly StoredEntry[]): Promise<Result<void, JournalFaultCode>> {
    return this.#thread.ask({ call: 'commit', previous, rows });
  }

  read(fromSeq: number, limit: number): Promise<Result<readonly StoredEntry[], JournalFaultCode>> {
    return this.#thread.ask({ call: 'read', fromSeq, limit });
  }

  verify(from: JournalHead, limit: number): Promise<Result<JournalHead, JournalFaultCode>> {
    return this.#thread.ask({ call: 'verify', from, limit });
  }

  saveSnapshot(snapshot: Snapshot): Promise<Result<void, JournalFaultCode>> {
    return this.#thread.ask({ call: 'saveSnapshot', snapshot });
  }

  async latestSnapshot(): Promise<Snapshot | undefined> {
    const found = await this.#thread.ask<{ snapshot?: Snapshot }>({ call: 'latestSnapshot' });
    return found.snapshot;
  }

  close(): Promise<void> {
    return this.#thread.end();
  }
}

/** Questions and answers between the event loop and the journal's thread. */
class StoreThread {
  #worker: Worker;
  #asked = new Map<number, (answer: unknown) => void>();
  #lastId = 0;
  #gone: string | undefined;
  #ended: Promise<void> | undefined;

  constructor(path: string) {
    this.#worker = new Worker(siblingModule(import.meta.url, 'sqlite-worker'), {
      workerData: { path },
      resourceLimits: { maxYoungGenerationSizeMb: 8 }, // Snapshots are text of megabytes, made and dropped.
    });
    this.#worker.on('message', ({ id, answer }: StoreAnswer) => {
      this.#asked.get(id)?.(answer);
      this.#asked.delete(id);
    });
    this.#worker.on('error', (error) => this.#lose(error.message));
    this.#worker.on('exit', () => this.#lose('its thread has ended'));
  }

  ask<Answer>(call: StoreCall): Promise<Answer> {
    if (this.#gone !== undefined) return Promise.resolve(lost(this.#gone) as Answer);
    const id = ++this.#lastId;
    const { promise, resolve } = Promise.withResolvers<unknown>();
    this.#asked.set(id, resolve);
    this.#worker.postMessage({ id, ...call } satisfies StoreRequest);
    return promise as Promise<Answer>;
  }

  end(): Promise<void> {
    this.#ended ??= this.ask<undefined>({ call: 'close' }).then(async () => {
      await this.#worker.terminate();
    });
    return this.#ended;
  }

  #lose(why: string): void {
    this.#gone ??= why;
    for (const resolve of this.#asked.values()) resolve(lost(this.#gone));
    this.#asked.clear();
  }
}

function lost(why: string) {
  return { ok: false, fault: { code: 'JOURNAL_IO', message: `journal: ${why}; start the coordinator again` } };
}
