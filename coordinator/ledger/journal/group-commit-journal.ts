import { type Fault, ok, type Result, refuse } from '../../../base/fault.ts';
import type { Timers } from '../../../base/time.ts';
import { chainOrigin, type JournalEntry, openEntry, type StoredEntry, sealEntry } from './entry.ts';
import type { Appended, Draft, Journal, JournalFaultCode, JournalHead, JournalObserver, Snapshot } from './journal.ts';
import type { JournalStore, OpenedStore } from './journal-store.ts';

type Outcome = Result<void, JournalFaultCode>;
type Waiting = Readonly<{
  entries: readonly JournalEntry[];
  rows: readonly StoredEntry[];
  settle: (outcome: Outcome) => void;
}>;

/** Bounds the time one commit may take; 1,000 lines are some 10 ms. */
const rowsPerCommitMax = 1_000;
const rowsPerWalk = 2_000;

/**
 * Chains entries as they come and commits them in groups: while one commit syncs, everything appended meanwhile
 * gathers for the next, so 200 updates that arrive together cost a few syncs rather than 200.
 */
export class GroupCommitJournal implements Journal {
  readonly epoch: number;
  #store: JournalStore;
  readonly #timers: Timers;
  #head: JournalHead;
  /** The last entry appended, durable or not. */
  #tip: JournalHead;
  #queue: Waiting[] = [];
  #committing: Promise<void> | undefined;
  #stopped: Fault<JournalFaultCode> | undefined;
  #observer: JournalObserver | undefined;

  constructor({ store, epoch, head }: OpenedStore, timers: Timers) {
    this.#timers = timers;
    this.#store = store;
    this.epoch = epoch;
    this.#head = head;
    this.#tip = head;
    // Where a commit is under way it learns the same, and tells.
    store.watch?.((fault) => {
      if (this.#committing === undefined && this.#stopped === undefined) this.#undo([], fault);
    });
  }

  get head(): JournalHead {
    return this.#head;
  }

  observe(observer: JournalObserver): void {
    if (this.#observer !== undefined) throw new Error('journal: one observer is attached already');
    this.#observer = observer;
  }

  append(drafts: readonly Draft[]): Appended {
    if (this.#stopped !== undefined) {
      return { entries: [], durable: Promise.resolve({ ok: false, fault: this.#stopped }) };
    }
    if (drafts.length === 0) throw new Error('journal: an append needs at least one entry');
    const entries: JournalEntry[] = [];
    const rows: StoredEntry[] = [];
    let tip = this.#tip;
    for (const draft of drafts) {
      const [entry, row] = sealEntry(tip.chain, { ...draft, seq: tip.seq + 1, epoch: this.epoch });
      entries.push(entry);
      rows.push(row);
      tip = entry;
    }
    this.#tip = { seq: tip.seq, chain: tip.chain };
    const { promise, resolve } = Promise.withResolvers<Outcome>();
    this.#queue.push({ entries, rows, settle: resolve });
    // In a microtask: what is appended in the same turn of the event loop shares the first commit.
    this.#committing ??= Promise.resolve().then(() => this.#drain());
    return { entries, durable: promise };
  }

  async #drain(): Promise<void> {
    while (this.#queue.length > 0) {
      const group = this.#takeGroup();
      const startedMs = this.#timers.monotonicMs();
      const outcome = await this.#store.commit(
        this.#head.chain,
        group.flatMap(({ rows }) => rows),
      );
      if (outcome.ok) this.#settleGroup(group, (this.#timers.monotonicMs() - startedMs) / 1_000);
      else this.#undo(group, outcome.fault);
    }
    this.#committing = undefined;
  }

  #takeGroup(): Waiting[] {
    let rows = 0;
    let count = 0;
    for (const waiting of this.#queue) {
      if (count > 0 && rows + waiting.rows.length > rowsPerCommitMax) break;
      rows += waiting.rows.length;
      count++;
    }
    return this.#queue.splice(0, count);
  }

  #settleGroup(group: readonly Waiting[], commitSeconds: number): void {
    const entries = group.flatMap((waiting) => waiting.entries);
    const { seq, chain } = entries.at(-1) as JournalEntry;
    this.#head = { seq, chain };
    this.#observer?.durable(entries, commitSeconds);
    for (const { settle } of group) settle(ok(undefined));
  }

  #undo(group: readonly Waiting[], fault: Fault<JournalFaultCode>): void {
    const void_ = [...group, ...this.#queue.splice(0)];
    this.#tip = this.#head;
    if (fault.code !== 'DISK_FULL') this.#stopped = fault;
    this.#observer?.undone(fault);
    for (const { settle } of void_) settle({ ok: false, fault });
  }

  async read(fromSeq: number, limit: number): Promise<Result<readonly JournalEntry[], JournalFaultCode>> {
    const rows = await this.#store.read(fromSeq, limit);
    return rows.ok ? ok(rows.value.map(openEntry)) : rows;
  }

  async saveSnapshot(snapshot: Snapshot): Promise<Outcome> {
    if (this.#stopped !== undefined) return { ok: false, fault: this.#stopped };
    return this.#store.saveSnapshot(snapshot);
  }

  latestSnapshot(): Promise<Snapshot | undefined> {
    return this.#store.latestSnapshot();
  }

  mayBeFollowed(): boolean {
    return this.#store.mayBeFollowed?.() ?? false;
  }

  async verify(): Promise<Result<JournalHead, JournalFaultCode>> {
    const goal = this.#head.seq;
    let at: JournalHead = { seq: 0, chain: chainOrigin };
    while (at.seq < goal) {
      const walked = await this.#store.verify(at, Math.min(rowsPerWalk, goal - at.seq)); // Commits go on in between.
      if (!walked.ok) return walked;
      if (walked.value.seq === at.seq) return missing(at.seq + 1, goal);
      at = walked.value;
    }
    return ok(at);
  }

  async close(): Promise<void> {
    while (this.#committing !== undefined) await this.#committing;
    this.#stopped ??= { code: 'JOURNAL_CLOSED', message: 'the journal is closed; start the coordinator again' };
    await this.#store.close();
  }
}

function missing(seq: number, goal: number) {
  return refuse('JOURNAL_DAMAGED', `the journal should reach entry ${goal}, but entry ${seq} is missing`, { seq });
}
