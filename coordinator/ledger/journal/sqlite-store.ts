import type { Result } from '../../../base/fault.ts';
import { startThread, type ThreadLink, ThreadLost } from '../../../base/thread-link.ts';
import type { StoredEntry } from './entry.ts';
import type { JournalFaultCode, JournalHead, Snapshot } from './journal.ts';
import type { JournalStore, OpenedStore } from './journal-store.ts';
import type { StoreCall } from './sqlite-worker.ts';

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

/** The journal's thread. Once it was lost, or threw, every question is refused: what it committed is not known. */
class StoreThread {
  #link: ThreadLink<StoreCall>;
  #ended: Promise<void> | undefined;

  constructor(path: string) {
    this.#link = startThread(new URL('./sqlite-worker.ts', import.meta.url), {
      workerData: { path },
      resourceLimits: { maxYoungGenerationSizeMb: 8 }, // Snapshots are text of megabytes, made and dropped.
    });
  }

  async ask<Answer>(call: StoreCall): Promise<Answer> {
    try {
      return await this.#link.ask<Answer>(call);
    } catch (error) {
      if (!(error instanceof ThreadLost)) throw error;
      return lost(error.message) as Answer;
    }
  }

  end(): Promise<void> {
    this.#ended ??= this.ask<undefined>({ call: 'close' }).then(() => this.#link.close());
    return this.#ended;
  }
}

function lost(why: string) {
  return { ok: false, fault: { code: 'JOURNAL_IO', message: `journal: ${why}; start the coordinator again` } };
}
