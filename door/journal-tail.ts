import { type Fault, ok, type Result, refuse } from '../base/fault.ts';
import type { Log } from '../base/log.ts';
import { pause } from '../base/pause.ts';
import { type JournalEntry, openEntry } from '../coordinator/ledger/journal/entry.ts';
import type { JournalHead } from '../coordinator/ledger/journal/journal.ts';
import { rolledBack } from '../coordinator/ledger/journal/postgres/faults.ts';
import {
  moved,
  type PostgresJournalFaultCode,
  readFence,
  walkTo,
} from '../coordinator/ledger/journal/postgres/open-postgres.ts';
import { lookEveryMs } from '../coordinator/ledger/journal/postgres/silence.ts';
import { noHead } from '../coordinator/ledger/journal/walk.ts';
import { ReadingAlong } from '../coordinator/ledger/reading-along.ts';
import type { State } from '../coordinator/ledger/state/state.ts';
import type { Facts } from '../coordinator/ledger/store.ts';
import { findLayout, mayPass } from '../coordinator/postgres/layout.ts';
import type { PostgresLink } from '../coordinator/postgres/link.ts';
import type { FederationId } from '../proto/ids.ts';

type Listener = (entry: JournalEntry) => void;

/** What a door may not know of members for so long that it lets nobody in by it, and is better passed by. */
const ageMsMax = 30_000;

/**
 * The journal that the leader writes, read along: who belongs, which rounds are open, what is served. Reads the fence and the
 * entries and nothing else, so that its user in the database needs no other right; it never writes, and never leads.
 */
export class JournalTail implements Facts {
  readonly federation: FederationId;
  /** Why the journal cannot be read along any more, if that ever comes: then close and exit. */
  readonly halted: Promise<Fault<PostgresJournalFaultCode>>;
  readonly #link: PostgresLink;
  readonly #log: Log;
  readonly #along = new ReadingAlong({ passesOverNewer: true });
  readonly #listeners = new Set<Listener>();
  readonly #ofEpoch = new Set<() => void>();
  readonly #closing = new AbortController();
  readonly #halt: (why: Fault<PostgresJournalFaultCode>) => void;
  #head: JournalHead = noHead;
  #epoch = 0;
  #readAtMs = Number.NEGATIVE_INFINITY;
  /** The look under way, and the one that begins after it. */
  #looking: Promise<boolean> | undefined;
  #next: Promise<boolean> | undefined;
  #following: Promise<void> = Promise.resolve();

  private constructor(link: PostgresLink, federation: FederationId, log: Log) {
    this.#link = link;
    this.federation = federation;
    this.#log = log;
    const { promise, resolve } = Promise.withResolvers<Fault<PostgresJournalFaultCode>>();
    this.halted = promise;
    this.#halt = resolve;
  }

  /** Resolves with all that is there read and checked. The link is the tail's from then on; refused, it is still the caller's. */
  static async open(
    link: PostgresLink,
    federation: FederationId,
    log: Log,
  ): Promise<Result<JournalTail, PostgresJournalFaultCode | 'FEDERATION_MISMATCH'>> {
    const layout = await findLayout(link);
    if (!layout.ok) return layout;
    const tail = new JournalTail(link, federation, log);
    const read = await tail.#read();
    if (!read.ok) return read;
    const { federation: found } = tail.state();
    if (found !== federation) {
      const message = `the journal is of federation ${found ?? '(none yet)'}, the credentials are of ${federation}`;
      return refuse('FEDERATION_MISMATCH', message);
    }
    tail.#following = tail.#follow();
    return ok(tail);
  }

  state(): State {
    return this.#along.state;
  }

  get epoch(): number {
    return this.#epoch;
  }

  /** How long ago the journal was read to its end, milliseconds. */
  get ageMs(): number {
    return this.#link.timers.monotonicMs() - this.#readAtMs;
  }

  get isOld(): boolean {
    return this.ageMs > ageMsMax;
  }

  follow(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Told when another coordinator leads. */
  onEpoch(listener: () => void): void {
    this.#ofEpoch.add(listener);
  }

  /** Reads what was journalled before this call; false where that cannot be. Whoever asks meanwhile waits for one look more. */
  catchUp(): Promise<boolean> {
    if (this.#looking === undefined) return this.#look();
    this.#next ??= this.#looking.then(() => {
      this.#next = undefined;
      return this.#looking ?? this.#look();
    });
    return this.#next;
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#link.close();
    await this.#following;
  }

  async #follow(): Promise<void> {
    const { signal } = this.#closing;
    while (!signal.aborted) {
      await pause(this.#link.timers, lookEveryMs, signal);
      if (!signal.aborted) await this.catchUp();
    }
  }

  #look(): Promise<boolean> {
    this.#looking = this.#read().then((read) => {
      this.#looking = undefined;
      if (read.ok || this.#closing.signal.aborted) return read.ok;
      if (mayPass(read.fault)) {
        this.#log.warn({ cause: read.fault.message }, 'the journal cannot be read: what this door knows may be old');
      } else this.#halt(read.fault);
      return false;
    });
    return this.#looking;
  }

  async #read(): Promise<Result<void, PostgresJournalFaultCode>> {
    const atMs = this.#link.timers.monotonicMs();
    const fence = await readFence(this.#link);
    if (!fence.ok) return fence;
    const { epoch, head, movedTo } = fence.value;
    if (movedTo !== null) return moved(movedTo);
    if (head.seq < this.#head.seq) return rolledBack(this.#head, head);
    const walked = await walkTo(this.#link, this.#head, head, (rows, at) => {
      const taken = this.#along.take(rows);
      if (!taken.ok) return taken;
      this.#head = at;
      if (this.#listeners.size === 0) return taken;
      for (const row of rows) {
        const entry = openEntry(row);
        for (const listener of this.#listeners) listener(entry);
      }
      return taken;
    });
    if (!walked.ok) return walked;
    this.#readAtMs = atMs;
    const isNew = this.#epoch !== 0 && epoch !== this.#epoch;
    this.#epoch = epoch;
    if (isNew) for (const listener of this.#ofEpoch) listener();
    return ok(undefined);
  }
}
