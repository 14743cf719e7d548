import type { Result } from '../../base/fault.ts';
import type { EpochMs } from '../../base/time.ts';
import type { FederationId } from '../../proto/ids.ts';
import type { BlobStore } from '../blobs/blob-store.ts';
import type { JournalEntry } from './journal/entry.ts';
import type { Actor, JournalEvent } from './journal/events.ts';
import type { JournalFaultCode } from './journal/journal.ts';
import type { State } from './state/state.ts';

/** The store could not keep it: nothing happened, and the caller may try again after a pause. */
export type StoreFaultCode = JournalFaultCode;

/** What a decision wants written, and what it answers once that is durable. */
export type Decision<Value> = Readonly<{ events: readonly JournalEvent[]; value: Value }>;
/** The answer, and the entries that made it so (empty when nothing had to be written). */
export type Committed<Value> = Readonly<{ value: Value; entries: readonly JournalEntry[] }>;

/** What is true. */
export interface Facts {
  readonly federation: FederationId;
  /** Only durable facts. Belongs to the ledger: read it, do not keep it across an await, never change it. */
  state(): State;
  /** Every entry once it is durable, in order. Returns the end of the subscription. Listeners must not throw. */
  follow(listener: (entry: JournalEntry) => void): () => void;
}

/** How anything becomes true. */
export interface Writer {
  /**
   * The one way to write. `decide` runs at once, alone, against everything decided before it (durable or not yet), and
   * must be pure and synchronous: returns events and an answer, or a refusal. The events become durable together; then
   * the answer resolves. No events: the answer resolves once everything that `decide` saw is durable.
   */
  commit<Value, Code extends string>(
    actor: Actor,
    decide: (state: State, atMs: EpochMs) => Result<Decision<Value>, Code>,
  ): Promise<Result<Committed<Value>, Code | StoreFaultCode>>;
}

/** What the rooms above the ledger stand on: facts, their writer, and the blobs that facts name by digest. */
export interface Store extends Facts, Writer {
  readonly blobs: BlobStore;
}
