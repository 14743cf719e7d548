import type { Fault, Result } from '../../../base/fault.ts';
import type { StoredEntry } from './entry.ts';
import type { JournalFaultCode, JournalHead, Snapshot } from './journal.ts';

/** Where a journal's lines lie. `GroupCommitJournal` makes a Journal of it. */
export interface JournalStore {
  /** Appends after the line whose chain is `previous`, all or nothing, durable when it resolves ok. */
  commit(previous: string, rows: readonly StoredEntry[]): Promise<Result<void, JournalFaultCode>>;
  read(fromSeq: number, limit: number): Promise<Result<readonly StoredEntry[], JournalFaultCode>>;
  /** Walks at most `limit` lines after `from`; resolves with the last one walked. */
  verify(from: JournalHead, limit: number): Promise<Result<JournalHead, JournalFaultCode>>;
  saveSnapshot(snapshot: Snapshot): Promise<Result<void, JournalFaultCode>>;
  latestSnapshot(): Promise<Snapshot | undefined>;
  close(): Promise<void>;
  /** Whether another may be this journal's writer by now: nothing written here was heard of for as long as that takes. */
  mayBeFollowed?(): boolean;
  /** Calls `lost` once when this store finds out, without being asked to write, that it may write no longer. */
  watch?(lost: (fault: Fault<JournalFaultCode>) => void): void;
}

export type OpenedStore = Readonly<{ store: JournalStore; epoch: number; head: JournalHead }>;
