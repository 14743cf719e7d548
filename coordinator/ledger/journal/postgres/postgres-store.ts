import { hash } from 'node:crypto';
import { type Fault, ok, type Refused, type Result } from '../../../../base/fault.ts';
import type { Timer } from '../../../../base/time.ts';
import { type Ask, settlesNothing } from '../../../postgres/connection.ts';
import type { PostgresLink, Writer } from '../../../postgres/link.ts';
import type { StoredEntry } from '../entry.ts';
import type { JournalFaultCode, JournalHead, Snapshot } from '../journal.ts';
import type { JournalStore } from '../journal-store.ts';
import { damaged, findBreak } from '../walk.ts';
import { failed, full, rolledBack, stale, unknown, unreplicated } from './faults.ts';
import { fenceIn, headIn, rowsIn } from './rows.ts';
import { type Statements, statementsIn } from './statements.ts';

type Outcome = Result<void, JournalFaultCode>;

/** The lease is kept by commits; between them by a beat this often. */
const beatEveryMs = 1_000;
/** SQLSTATE of a server without room. */
const diskFull = '53100';
/** A commit that took longer may have been let go because the list of standbys was emptied meanwhile: no notice says so. */
const doubtAfterMs = 250;

/**
 * A journal in PostgreSQL, over one connection. An answer that is lost says nothing about the commit: the store asks the
 * fence by a write, which waits for what the lost connection still does, and goes by what that finds. It reports success
 * only for what is settled, and where nothing can be settled it stops.
 */
export class PostgresStore implements JournalStore {
  readonly #link: PostgresLink;
  readonly #sql: Statements;
  readonly #writer: Writer;
  #head: JournalHead;
  #ended: Fault<JournalFaultCode> | undefined;
  #lost: (fault: Fault<JournalFaultCode>) => void = () => {};
  #beating: Timer;
  #wroteAtMs: number;
  #closing: Promise<void> | undefined;

  constructor(link: PostgresLink, writer: Writer, head: JournalHead) {
    this.#link = link;
    this.#sql = statementsIn(link.settings.schema);
    this.#writer = writer;
    this.#head = head;
    this.#wroteAtMs = link.timers.monotonicMs();
    this.#beating = link.timers.every(beatEveryMs / 4, () => this.#beat(), { background: true });
  }

  watch(lost: (fault: Fault<JournalFaultCode>) => void): void {
    this.#lost = lost;
    if (this.#ended !== undefined) lost(this.#ended);
  }

  mayBeFollowed(): boolean {
    return this.#link.timers.monotonicMs() - this.#wroteAtMs >= this.#link.settings.leaseMs;
  }

  commit(previous: string, rows: readonly StoredEntry[]): Promise<Outcome> {
    return this.#link.alone((ask) => this.#write(ask, previous, rows));
  }

  async read(fromSeq: number, limit: number): Promise<Result<readonly StoredEntry[], JournalFaultCode>> {
    const answer = await this.#link.repeat(this.#sql.read, [fromSeq, limit]);
    return answer.kind === 'rows' ? ok(rowsIn(answer.rows)) : failed(answer.cause);
  }

  async verify(from: JournalHead, limit: number): Promise<Result<JournalHead, JournalFaultCode>> {
    const rows = await this.read(from.seq + 1, limit);
    return rows.ok ? findBreak(from, rows.value) : rows;
  }

  async saveSnapshot({ seq, chain, version, body }: Snapshot): Promise<Outcome> {
    const { epoch, holder } = this.#writer;
    const values = [epoch, holder, seq, chain, version, body, hash('sha256', body, 'hex')];
    const answer = await this.#link.repeat(this.#sql.saveSnapshot, values);
    if (answer.kind !== 'rows') return failed(answer.cause);
    const [{ held, known } = {}] = answer.rows;
    if (held !== true) return stale(epoch);
    return known === true ? ok(undefined) : damaged(seq, `the snapshot of entry ${seq} belongs to another journal`);
  }

  async latestSnapshot(): Promise<Snapshot | undefined> {
    const answer = await this.#link.repeat(this.#sql.latestSnapshot);
    const [row] = answer.kind === 'rows' ? answer.rows : [];
    if (row === undefined) return undefined;
    const snapshot = {
      seq: Number(row.seq),
      chain: String(row.chain),
      version: Number(row.version),
      body: String(row.body),
    };
    // A snapshot only saves time: one that does not hash right is as good as none.
    return hash('sha256', snapshot.body, 'hex') === row.digest ? snapshot : undefined;
  }

  /** Lets a successor begin without waiting for the lease. May be called twice. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#link.timers.cancel(this.#beating);
    const { epoch, holder } = this.#writer;
    await this.#link.alone((ask) => ask(this.#sql.handOver, [epoch, holder]));
    await this.#link.close();
  }

  #beat(): void {
    const { timers } = this.#link;
    // The first quarter of the next second is early enough, and a commit's turn is never waited for.
    if (!this.#link.isIdle || timers.monotonicMs() - this.#wroteAtMs < beatEveryMs * 0.75) return;
    void this.#link
      .alone((ask) => this.#write(ask, this.#head.chain, []))
      .then((beaten) => {
        if (!beaten.ok && beaten.fault.code !== 'DISK_FULL') this.#lost(beaten.fault);
      });
  }

  /**
   * Sends rows, or (where there are none) only beats. Each answer decides what comes next: rows are sent again only after a
   * barrier has found them missing, and count only when a commit or a barrier without a warning has found them there.
   */
  async #write(ask: Ask, previous: string, rows: readonly StoredEntry[]): Promise<Outcome> {
    if (this.#ended !== undefined) return { ok: false, fault: this.#ended };
    if (previous !== this.#head.chain) return damaged(this.#head.seq, 'an append does not follow the last entry');
    const next = rows.at(-1) ?? this.#head;
    const patience = this.#link.patience();
    let sends = rows.length > 0;
    for (;;) {
      const startedMs = this.#link.timers.monotonicMs();
      const answer = sends ? await this.#send(ask, next, rows) : await this.#bar(ask);
      const tookMs = this.#link.timers.monotonicMs() - startedMs;
      let cause = 'a commit is not replicated yet';
      if (answer.kind === 'rows') {
        const head = answer.rows[0] && headIn(answer.rows[0]);
        const isProven = !answer.isWeak && !(sends && this.#link.settings.isReplicated && tookMs > doubtAfterMs);
        if (head === undefined) {
          const why = await this.#look(ask, previous, next);
          if (why !== undefined) return this.#end(why);
          sends = false;
        } else if (!isProven) {
          sends = false;
        } else if (head.chain === next.chain) {
          this.#head = { seq: next.seq, chain: next.chain };
          this.#wroteAtMs = this.#link.timers.monotonicMs();
          return ok(undefined);
        } else if (head.chain === previous) {
          sends = true; // Not done. Should what was sent before arrive after all, it is the same rows.
          continue;
        } else {
          return this.#end(rolledBack(this.#head, head));
        }
      } else if (answer.kind === 'refused' && answer.sqlState === diskFull && (sends || rows.length === 0)) {
        return full(); // Rolled back by the server; an earlier attempt, if there was one, is settled by now.
      } else if (answer.kind === 'refused' && answer.sqlState !== diskFull && !settlesNothing(answer.sqlState)) {
        return this.#end(failed(answer.cause));
      } else {
        cause = answer.cause; // Where only the barrier was refused for want of room, what it asks after is still not known.
        sends = false;
      }
      if (!(await patience())) return this.#end(unknown(cause));
    }
  }

  #send(ask: Ask, next: JournalHead, rows: readonly StoredEntry[]) {
    const { epoch, holder } = this.#writer;
    return ask(this.#sql.commit, [
      epoch,
      holder,
      this.#head.chain,
      next.seq,
      next.chain,
      this.#link.settings.isReplicated,
      rows.map((row) => row.seq),
      rows.map((row) => row.epoch),
      rows.map((row) => row.body),
      rows.map((row) => row.chain),
    ]);
  }

  #bar(ask: Ask) {
    const { epoch, holder } = this.#writer;
    return ask(this.#sql.barrier, [epoch, holder, this.#link.settings.isReplicated]);
  }

  /** Why the fence did not let a write through; undefined where that must be asked again. */
  async #look(ask: Ask, previous: string, next: JournalHead) {
    const answer = await ask(this.#sql.look);
    const [row] = answer.kind === 'rows' ? answer.rows : [];
    if (row === undefined) return undefined;
    const { epoch, holder, head } = fenceIn(row);
    if (epoch < this.#writer.epoch) return rolledBack(this.#head, head);
    if (epoch > this.#writer.epoch || holder !== this.#writer.holder) return stale(this.#writer.epoch, epoch);
    if (head.chain === next.chain && next.chain !== previous) return undefined; // A packet of ours, late: a barrier proves it.
    return head.chain === previous ? unreplicated() : rolledBack(this.#head, head);
  }

  #end(refused: Refused<JournalFaultCode>): Outcome {
    this.#ended = refused.fault;
    this.#link.timers.cancel(this.#beating);
    return refused;
  }
}
