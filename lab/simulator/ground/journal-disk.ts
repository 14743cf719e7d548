import { type Result, refuse, unwrap } from '../../../base/fault.ts';
import type { StoredEntry } from '../../../coordinator/ledger/journal/entry.ts';
import { chainOrigin } from '../../../coordinator/ledger/journal/entry.ts';
import { GroupCommitJournal } from '../../../coordinator/ledger/journal/group-commit-journal.ts';
import type { Journal, JournalFaultCode, JournalHead, Snapshot } from '../../../coordinator/ledger/journal/journal.ts';
import type { JournalStore } from '../../../coordinator/ledger/journal/journal-store.ts';
import { openMemoryStore } from '../../../coordinator/ledger/journal/memory-store.ts';
import { findBreak } from '../../../coordinator/ledger/journal/walk.ts';
import type { SimulatedProcess } from '../world/process.ts';
import type { CoordinatorImage, Disk } from './disk.ts';
import { keysOn } from './key-disk.ts';
import type { Opened, Opening } from './opened.ts';

/** What a coordinator on a data directory opens. */
export async function openOnDisk(
  image: CoordinatorImage,
  disk: Disk,
  process: SimulatedProcess,
  { keyPut }: Opening,
): Promise<Opened> {
  const journal = unwrap(await openJournalOn(image, disk, process));
  return { journal, keyStore: keysOn(image, disk, process, keyPut) };
}

/** The real journal over a simulated disk. Walks every line before it opens, as the file store does. */
async function openJournalOn(
  image: CoordinatorImage,
  disk: Disk,
  process: SimulatedProcess,
): Promise<Result<Journal, JournalFaultCode>> {
  const fault = await disk.operate(process, 'read', () => {});
  if (fault !== undefined) return refuse('JOURNAL_IO', 'the disk does not answer');
  const walked = findBreak({ seq: 0, chain: chainOrigin }, image.journal.rows);
  if (!walked.ok) return walked;
  const opened = openMemoryStore(image.journal);
  return {
    ok: true,
    value: new GroupCommitJournal({ ...opened, store: new DiskStore(opened.store, disk, process) }, process.timers),
  };
}

class DiskStore implements JournalStore {
  readonly #store: JournalStore;
  readonly #disk: Disk;
  readonly #process: SimulatedProcess;

  constructor(store: JournalStore, disk: Disk, process: SimulatedProcess) {
    this.#store = store;
    this.#disk = disk;
    this.#process = process;
  }

  /** All or nothing: a torn transaction does not pass its checksum. */
  async commit(previous: string, rows: readonly StoredEntry[]): Promise<Result<void, JournalFaultCode>> {
    let outcome: Promise<Result<void, JournalFaultCode>> | undefined;
    const fault = await this.#disk.operate(this.#process, 'journal', (part) => {
      if (part === 1) outcome = this.#store.commit(previous, rows);
    });
    if (fault === 'DISK_FULL') return refuse('DISK_FULL', 'no room for the journal; free some');
    if (fault !== undefined || outcome === undefined) return refuse('JOURNAL_IO', 'the sync of the journal failed');
    return outcome;
  }

  async read(fromSeq: number, limit: number): Promise<Result<readonly StoredEntry[], JournalFaultCode>> {
    const fault = await this.#disk.operate(this.#process, 'read', () => {});
    return fault === undefined ? this.#store.read(fromSeq, limit) : refuse('JOURNAL_IO', 'the journal cannot be read');
  }

  verify(from: JournalHead, limit: number): Promise<Result<JournalHead, JournalFaultCode>> {
    return this.#store.verify(from, limit);
  }

  async saveSnapshot(snapshot: Snapshot): Promise<Result<void, JournalFaultCode>> {
    let outcome: Promise<Result<void, JournalFaultCode>> | undefined;
    const fault = await this.#disk.operate(this.#process, 'write', (part) => {
      if (part === 1) outcome = this.#store.saveSnapshot(snapshot);
    });
    if (fault === 'DISK_FULL') return refuse('DISK_FULL', 'no room for a snapshot; free some');
    return fault === undefined && outcome !== undefined ? outcome : refuse('JOURNAL_IO', 'no snapshot was written');
  }

  latestSnapshot(): Promise<Snapshot | undefined> {
    return this.#store.latestSnapshot();
  }

  async close(): Promise<void> {}
}
