import { ok, type Result, refuse } from '../../base/fault.ts';
import type { JournalEntry } from './journal/entry.ts';
import type { Actor } from './journal/events.ts';
import type { Journal } from './journal/journal.ts';
import { foldAll } from './reading-along.ts';
import { foldEntry } from './state/fold.ts';
import { copyState, emptyState, type MutableState } from './state/mutable-state.ts';
import { readSnapshot, snapshotVersion, writeSnapshot } from './state/snapshot.ts';
import type { State } from './state/state.ts';
import { unknownInState } from './state/unknown-in.ts';
import type { Committed, Decision, StoreFaultCode } from './store.ts';

const entriesPerRead = 1_000;

export type LedgerListener = Readonly<{
  durable(entries: readonly JournalEntry[], commitSeconds: number): void;
  undone(code: StoreFaultCode, message: string): void;
}>;

/**
 * The journal and its fold, twice: `durable` has what is synced, `tentative` also what is on its way. Decisions are
 * made against the tentative state, so that many may be on their way at once; answers wait for the sync. When a write
 * fails, everything on its way is void, and the tentative state is the durable one again.
 */
export class Ledger {
  readonly journal: Journal;
  #durable: MutableState;
  #tentative: MutableState;
  /** Folded into the tentative state only. */
  #inFlight: JournalEntry[] = [];
  #lastAppend: Promise<Result<void, StoreFaultCode>> = Promise.resolve(ok(undefined));
  #clock: () => number;
  #listener: LedgerListener;

  private constructor(journal: Journal, state: MutableState, clock: () => number, listener: LedgerListener) {
    this.journal = journal;
    this.#durable = state;
    this.#tentative = copyState(state);
    this.#clock = clock;
    this.#listener = listener;
    journal.observe({
      durable: (entries, seconds) => this.#keep(entries, seconds),
      undone: ({ code, message }) => {
        this.#tentative = copyState(this.#durable);
        this.#inFlight = [];
        // Of a stopped journal it stays refused, and with it what is only read for a decision.
        if (code === 'DISK_FULL') this.#lastAppend = Promise.resolve(ok(undefined));
        this.#listener.undone(code, message);
      },
    });
  }

  /** Folds what follows the newest snapshot, or what was `folded` of this journal already. */
  static async open(
    journal: Journal,
    clock: () => number,
    listener: LedgerListener,
    folded?: MutableState,
  ): Promise<Result<Ledger, StoreFaultCode>> {
    const state = await readState(journal, folded);
    return state.ok ? ok(new Ledger(journal, state.value, clock, listener)) : state;
  }

  get state(): State {
    return this.#durable;
  }

  get tentative(): State {
    return this.#tentative;
  }

  async commit<Value, Code extends string>(
    actor: Actor,
    decide: (state: State, atMs: number) => Result<Decision<Value>, Code>,
  ): Promise<Result<Committed<Value>, Code | StoreFaultCode>> {
    const atMs = this.#clock();
    const decision = decide(this.#tentative, atMs);
    if (!decision.ok) return decision;
    const { events, value } = decision.value;
    if (events.length === 0) {
      const seen = await this.#lastAppend; // The answer may rest on entries that are still on their way.
      return seen.ok ? ok({ value, entries: [] }) : seen;
    }
    this.#try(events.map((event, index) => ({ actor, atMs, event, seq: this.#tentative.seq + 1 + index })));
    const { entries, durable } = this.journal.append(events.map((event) => ({ actor, atMs, event })));
    if (entries.length > 0) {
      this.#inFlight.push(...entries);
      this.#lastAppend = durable;
    } else {
      this.#tentative = copyState(this.#durable); // The journal has stopped.
    }
    const outcome = await durable;
    return outcome.ok ? ok({ value, entries }) : outcome;
  }

  /** Writes what is durable now; entries may follow meanwhile. Gives the snapshot's length in characters, 0 for none. */
  async saveSnapshot(): Promise<Result<number, StoreFaultCode>> {
    const { seq } = this.#durable;
    const { head } = this.journal;
    if (seq === 0 || seq !== head.seq) return ok(0); // Called between a commit and its fold: the next one will do.
    const body = await writeSnapshot(copyState(this.#durable));
    const saved = await this.journal.saveSnapshot({ ...head, version: snapshotVersion, body });
    return saved.ok ? ok(body.length) : saved;
  }

  /** Folds before anything is written: an event that does not fit must throw here, not at the next start. */
  #try(drafts: readonly Omit<JournalEntry, 'epoch' | 'chain'>[]): void {
    try {
      for (const draft of drafts) foldEntry(this.#tentative, { ...draft, epoch: this.journal.epoch, chain: '' });
    } catch (error) {
      this.#tentative = copyState(this.#durable);
      for (const entry of this.#inFlight) foldEntry(this.#tentative, entry);
      throw error;
    }
  }

  #keep(entries: readonly JournalEntry[], commitSeconds: number): void {
    for (const entry of entries) foldEntry(this.#durable, entry);
    this.#inFlight.splice(0, entries.length);
    this.#listener.durable(entries, commitSeconds);
  }
}

async function readState(journal: Journal, folded?: MutableState): Promise<Result<MutableState, StoreFaultCode>> {
  const state = folded ?? (await fromSnapshot(journal));
  const unknown = unknownInState(state);
  if (unknown !== undefined) {
    const what = `journal: its snapshot of entry ${state.seq} has ${unknown}, which this build does not know`;
    return refuse('JOURNAL_NEWER', `${what}. Start the build that wrote it, or a newer one`, { seq: state.seq });
  }
  while (state.seq < journal.head.seq) {
    const entries = await journal.read(state.seq + 1, entriesPerRead);
    if (!entries.ok) return entries;
    const taken = foldAll(state, entries.value, (entry) => entry);
    if (!taken.ok) return taken;
  }
  return ok(state);
}

async function fromSnapshot(journal: Journal): Promise<MutableState> {
  const snapshot = await journal.latestSnapshot();
  const usable = snapshot !== undefined && snapshot.version === snapshotVersion && snapshot.seq <= journal.head.seq;
  return usable ? readSnapshot(snapshot.body) : emptyState();
}
