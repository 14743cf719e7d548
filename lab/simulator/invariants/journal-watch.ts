import type { StoredEntry } from '../../../coordinator/ledger/journal/entry.ts';
import type { Actor, JournalEvent } from '../../../coordinator/ledger/journal/events.ts';
import type { Snapshot } from '../../../coordinator/ledger/journal/journal.ts';
import type { CoordinatorImage } from '../ground/disk.ts';
import type { Report } from '../violation.ts';
import { ReleaseBook } from './release-book.ts';
import { RoundBook } from './round-book.ts';

/**
 * Reads what becomes durable, line by line, as somebody would who has only the disk and the rules: its own few maps, none
 * of the coordinator's fold.
 */
export class JournalWatch {
  readonly rounds: RoundBook;
  readonly releases: ReleaseBook;
  readonly refusedByEpoch = new Map<number, number>();
  /** Every snapshot that was ever on the disk, in order. */
  readonly snapshots: Snapshot[] = [];
  readonly #image: CoordinatorImage;
  readonly #report: Report;
  /** Each line as it was when it became durable. */
  readonly #read: string[] = [];
  #lastChain: string | undefined;
  #lastEpoch = 0;

  constructor(image: CoordinatorImage, report: Report) {
    this.#image = image;
    this.#report = report;
    this.rounds = new RoundBook(report);
    this.releases = new ReleaseBook(report);
    this.look();
  }

  get length(): number {
    return this.#read.length;
  }

  entry(sequence: number): JournalEvent | undefined {
    const row = this.#image.journal.rows[sequence - 1];
    return row && (JSON.parse(row.body) as { event: JournalEvent }).event;
  }

  /** What has become durable since it last looked. */
  look(): void {
    const { rows } = this.#image.journal;
    if (rows.length < this.length || (this.length > 0 && rows[this.length - 1]?.chain !== this.#lastChain)) {
      this.#report('JOURNAL_REWRITTEN', `${rows.length} lines where ${this.length} were durable`);
      return;
    }
    const { snapshot } = this.#image.journal;
    if (snapshot !== undefined && snapshot !== this.snapshots.at(-1)) this.snapshots.push(snapshot);
    while (this.length < rows.length) this.#take(rows[this.length] as StoredEntry);
  }

  /** All lines, at the end: what is on the disk is what became durable once. */
  lookBack(): void {
    const { rows } = this.#image.journal;
    const changed = this.#read.findIndex((body, at) => rows[at]?.body !== body);
    if (changed !== -1) this.#report('JOURNAL_REWRITTEN', `line ${changed + 1} is not what it was`);
  }

  #take(row: StoredEntry): void {
    this.#lastChain = row.chain;
    const { seq, epoch, actor, atMs, event } = JSON.parse(row.body) as {
      seq: number;
      epoch: number;
      actor: Actor;
      atMs: number;
      event: JournalEvent;
    };
    this.#read.push(row.body);
    if (seq !== this.length) this.#report('JOURNAL_REWRITTEN', `line ${this.length} says it is ${seq}`);
    if (epoch < this.#lastEpoch) this.#report('STALE_WRITER', `line ${seq} of epoch ${epoch} after ${this.#lastEpoch}`);
    const newest = this.#image.journal.epoch;
    if (epoch !== newest) this.#report('STALE_WRITER', `line ${seq} of epoch ${epoch} while ${newest} is the writer`);
    this.#lastEpoch = epoch;
    if (event.kind === 'refused') {
      this.refusedByEpoch.set(epoch, (this.refusedByEpoch.get(epoch) ?? 0) + 1 + event.repeats);
    }
    this.rounds.read(event, actor, seq, atMs);
    this.releases.read(event, actor, atMs);
  }
}
