import { ok, type Result, refuse } from '../../../base/fault.ts';
import { chainOrigin, type StoredEntry } from './entry.ts';
import type { JournalFaultCode, JournalHead, Snapshot } from './journal.ts';
import type { JournalStore, OpenedStore } from './journal-store.ts';
import { findBreak } from './walk.ts';

/** Lines in memory, for tests of what stands on a journal. Survives "restarts" that open it again, not the process. */
export class MemoryMedium {
  rows: StoredEntry[] = [];
  snapshot: Snapshot | undefined;
  epoch = 0;
}

export function openMemoryStore(medium: MemoryMedium): OpenedStore {
  const epoch = ++medium.epoch;
  const last = medium.rows.at(-1);
  return {
    epoch,
    head: last === undefined ? { seq: 0, chain: chainOrigin } : { seq: last.seq, chain: last.chain },
    store: new MemoryStore(medium, epoch),
  };
}

class MemoryStore implements JournalStore {
  #medium: MemoryMedium;
  #epoch: number;

  constructor(medium: MemoryMedium, epoch: number) {
    this.#medium = medium;
    this.#epoch = epoch;
  }

  async commit(previous: string, rows: readonly StoredEntry[]): Promise<Result<void, JournalFaultCode>> {
    const medium = this.#medium;
    if (medium.epoch !== this.#epoch) {
      return refuse('EPOCH_STALE', `epoch ${medium.epoch} has opened this journal since; stop this coordinator`);
    }
    if ((medium.rows.at(-1)?.chain ?? chainOrigin) !== previous) {
      return refuse('JOURNAL_DAMAGED', 'the journal does not end where this writer left it');
    }
    medium.rows.push(...rows);
    return ok(undefined);
  }

  async read(fromSeq: number, limit: number): Promise<Result<readonly StoredEntry[], JournalFaultCode>> {
    return ok(this.#medium.rows.slice(Math.max(0, fromSeq - 1), Math.max(0, fromSeq - 1) + limit));
  }

  async verify(from: JournalHead, limit: number): Promise<Result<JournalHead, JournalFaultCode>> {
    return findBreak(from, this.#medium.rows.slice(from.seq, from.seq + limit));
  }

  async saveSnapshot(snapshot: Snapshot): Promise<Result<void, JournalFaultCode>> {
    if (this.#medium.epoch !== this.#epoch) return refuse('EPOCH_STALE', 'another coordinator has taken over');
    if (this.#medium.rows[snapshot.seq - 1]?.chain !== snapshot.chain) {
      return refuse('JOURNAL_DAMAGED', `the snapshot of entry ${snapshot.seq} belongs to another journal`);
    }
    this.#medium.snapshot = snapshot;
    return ok(undefined);
  }

  async latestSnapshot(): Promise<Snapshot | undefined> {
    return this.#medium.snapshot;
  }

  async close(): Promise<void> {}
}
