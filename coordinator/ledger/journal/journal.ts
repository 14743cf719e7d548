import type { Fault, Result } from '../../../base/fault.ts';
import type { JournalEntry } from './entry.ts';
import type { Actor, JournalEvent } from './events.ts';

export type JournalFaultCode =
  /** No room: nothing of the append was kept. Free space, and append again. */
  | 'DISK_FULL'
  /** The disk or the database failed a read, write or sync. What it holds is unknown: this journal stops until it is opened again. */
  | 'JOURNAL_IO'
  /** The database has lost entries that this journal has acknowledged: a replica that lagged was promoted. It stops. */
  | 'JOURNAL_ROLLED_BACK'
  /** No synchronous standby is named, and one is required: nothing of the append was kept. It stops. */
  | 'JOURNAL_UNREPLICATED'
  /** Another coordinator has opened this journal since: this one must stop. */
  | 'EPOCH_STALE'
  /** The hash chain breaks at a position, or a row cannot be read. */
  | 'JOURNAL_DAMAGED'
  /** Written by a newer build. */
  | 'JOURNAL_NEWER'
  | 'JOURNAL_CLOSED';

/** What an append will be once it is durable. `entries` are known at once; they count only when `durable` says ok. */
export type Appended = Readonly<{
  entries: readonly JournalEntry[];
  durable: Promise<Result<void, JournalFaultCode>>;
}>;

export type JournalHead = Readonly<{ seq: number; chain: string }>;

/** A fold of the journal up to `seq`, kept so that a start need not fold everything. */
export type Snapshot = Readonly<{ seq: number; chain: string; version: number; body: string }>;

export type Draft = Readonly<{ actor: Actor; atMs: number; event: JournalEvent }>;

/** Told at once and in order, before any promise of an append resolves. Must not throw. */
export type JournalObserver = Readonly<{
  /** These entries are durable now, after a commit that took so long. */
  durable(entries: readonly JournalEntry[], commitSeconds: number): void;
  /** Everything appended after the last durable entry is void. */
  undone(fault: Fault<JournalFaultCode>): void;
}>;

/**
 * Append-only, hash-chained, durable. One writer: opening raises the fencing epoch, and every write of an older epoch
 * is refused. Appends keep their order; many at once share one sync. When one fails, all that were queued behind it
 * fail too, since they were decided on top of it, and the next append continues after the last durable entry;
 * after any fault but DISK_FULL there is no next one: the journal has stopped.
 */
export interface Journal {
  /** This writer's fencing epoch. */
  readonly epoch: number;
  /** The last durable entry. */
  readonly head: JournalHead;
  /** At most one observer: the fold that follows this journal. */
  observe(observer: JournalObserver): void;
  /** All of `drafts` become durable together or none does. */
  append(drafts: readonly Draft[]): Appended;
  /** Entries from position `fromSeq` on, at most `limit`. */
  read(fromSeq: number, limit: number): Promise<Result<readonly JournalEntry[], JournalFaultCode>>;
  /** Replaces older snapshots. Refused when its chain is not this journal's at `seq`. */
  saveSnapshot(snapshot: Snapshot): Promise<Result<void, JournalFaultCode>>;
  latestSnapshot(): Promise<Snapshot | undefined>;
  /** Whether another may be this journal's writer by now, though nothing has said so. Never of one that is alone with its file. */
  mayBeFollowed(): boolean;
  /** Walks the whole chain as it lies on disk. */
  verify(): Promise<Result<JournalHead, JournalFaultCode>>;
  /** Writes what is queued, then lets go. May be called twice. */
  close(): Promise<void>;
}
