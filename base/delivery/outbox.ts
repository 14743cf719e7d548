import { join } from 'node:path';
import Database from 'better-sqlite3';
import { ensurePrivateFile, ensurePrivateFolder, isDiskFull } from '../atomic-file.ts';
import { ok, type Result, refuse } from '../fault.ts';
import type { EpochMs } from '../time.ts';
import type { Deliverable, Outgoing } from './outgoing.ts';

/** What waits for one sink. */
export type Waiting<Item> = Readonly<{ seq: number; outgoing: Outgoing<Item>; attempts: number; queuedAtMs: EpochMs }>;

/** What a sink never took. */
export type DeadLetter<Item> = Readonly<{
  seq: number;
  sink: string;
  item: Item;
  repeats: number;
  attempts: number;
  why: string;
  queuedAtMs: EpochMs;
  diedAtMs: EpochMs;
}>;

export type OutboxLimits = Readonly<{ waitingMax: number; deadMax: number }>;

/** Of each sink. */
const limitsDefault: OutboxLimits = { waitingMax: 1_000, deadMax: 1_000 };

/** What is kept stands in the column `alert`, whatever it is: alerts were the first. */
const tables = `
  CREATE TABLE IF NOT EXISTS waiting (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, sink TEXT NOT NULL, alert TEXT NOT NULL, repeats INTEGER NOT NULL,
    attempts INTEGER NOT NULL, next_at INTEGER NOT NULL, queued_at INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX IF NOT EXISTS waiting_next ON waiting (sink, next_at);
  CREATE TABLE IF NOT EXISTS dead (
    seq INTEGER PRIMARY KEY, sink TEXT NOT NULL, alert TEXT NOT NULL, repeats INTEGER NOT NULL,
    attempts INTEGER NOT NULL, why TEXT NOT NULL, queued_at INTEGER NOT NULL, died_at INTEGER NOT NULL
  ) STRICT;
`;

type Row = Readonly<{ seq: number; sink: string; alert: string; repeats: number; attempts: number; queued_at: number }>;

/**
 * What waits for sinks, and what they never took, in one SQLite file: a process may die at any instant and loses none of it. Both are
 * bounded for each sink: what waits longest becomes a dead letter, and the oldest dead letter goes. Two processes may use it: the
 * client, and the command that lists and retries. Not for the disk's own death: commits are synced now and then.
 */
export class Outbox<Item extends Deliverable> {
  readonly #db: Database.Database;
  readonly #limits: OutboxLimits;

  private constructor(db: Database.Database, limits: OutboxLimits) {
    this.#db = db;
    this.#limits = limits;
  }

  static open<Item extends Deliverable>(
    dataDir: string,
    limits = limitsDefault,
  ): Result<Outbox<Item>, 'OUTBOX_UNUSABLE'> {
    const folder = join(dataDir, 'alerts');
    const path = join(folder, 'outbox.sqlite');
    let db: Database.Database | undefined;
    try {
      ensurePrivateFolder(folder);
      ensurePrivateFile(path);
      db = new Database(path, { timeout: 2_000 });
      db.pragma('journal_mode = WAL');
      db.pragma('synchronous = NORMAL');
      db.exec(tables);
      return ok(new Outbox<Item>(db, limits));
    } catch (error) {
      db?.close();
      const why = (error as Error).message;
      // What waits in it is good: it is to be moved only where it is not.
      const remedy = isDiskFull(error) ? 'no space is left: free some, and start again' : 'move it aside';
      return refuse('OUTBOX_UNUSABLE', `${path} cannot be used (${why}): nothing is delivered to sinks; ${remedy}`);
    }
  }

  /** Queues it for these sinks; all or none. */
  put(sinks: readonly string[], { item, repeats }: Outgoing<Item>, nowMs: EpochMs): void {
    const text = JSON.stringify(item);
    this.#atOnce(() => {
      for (const sink of sinks) this.#queue(sink, text, repeats, nowMs);
    });
  }

  /** What has waited longest of what is due for this sink. */
  due(sink: string, nowMs: EpochMs): Waiting<Item> | undefined {
    const query = 'SELECT * FROM waiting WHERE sink = ? AND next_at <= ? ORDER BY seq LIMIT 1';
    const row = this.#db.prepare(query).get(sink, nowMs) as Row | undefined;
    if (row === undefined) return undefined;
    const { seq, attempts, queued_at: queuedAtMs } = row;
    return { seq, attempts, queuedAtMs, outgoing: { item: JSON.parse(row.alert) as Item, repeats: row.repeats } };
  }

  /** When the next one is due; undefined when nothing waits. */
  nextMs(sink: string): EpochMs | undefined {
    const query = 'SELECT MIN(next_at) AS at FROM waiting WHERE sink = ?';
    return (this.#db.prepare(query).get(sink) as { at: number | null }).at ?? undefined;
  }

  delivered(seq: number): void {
    this.#db.prepare('DELETE FROM waiting WHERE seq = ?').run(seq);
  }

  later(seq: number, nextMs: EpochMs): void {
    this.#db.prepare('UPDATE waiting SET attempts = attempts + 1, next_at = ? WHERE seq = ?').run(nextMs, seq);
  }

  bury(seq: number, why: string, nowMs: EpochMs): void {
    this.#atOnce(() => this.#bury(seq, why, nowMs));
  }

  count(sink: string): number {
    return (this.#db.prepare('SELECT COUNT(*) AS n FROM waiting WHERE sink = ?').get(sink) as { n: number }).n;
  }

  /** Newest first. */
  dead(): readonly DeadLetter<Item>[] {
    const rows = this.#db.prepare('SELECT * FROM dead ORDER BY died_at DESC, seq DESC').all();
    return (rows as readonly (Row & { why: string; died_at: number })[]).map((row) => ({
      ...{ seq: row.seq, sink: row.sink, repeats: row.repeats, attempts: row.attempts, why: row.why },
      item: JSON.parse(row.alert) as Item,
      queuedAtMs: row.queued_at,
      diedAtMs: row.died_at,
    }));
  }

  /** Queues dead letters anew, with all their attempts before them: of this id, or all. How many. */
  retry(id: string | undefined, nowMs: EpochMs): number {
    return this.#atOnce(() => {
      const wanted = this.dead().filter(({ item }) => id === undefined || item.id === id);
      for (const { seq, sink, item, repeats } of wanted.toReversed()) {
        this.#db.prepare('DELETE FROM dead WHERE seq = ?').run(seq);
        this.#queue(sink, JSON.stringify(item), repeats, nowMs);
      }
      return wanted.length;
    });
  }

  close(): void {
    this.#db.close();
  }

  #queue(sink: string, text: string, repeats: number, nowMs: EpochMs): void {
    this.#db
      .prepare('INSERT INTO waiting (sink, alert, repeats, attempts, next_at, queued_at) VALUES (?, ?, ?, 0, ?, ?)')
      .run(sink, text, repeats, nowMs, nowMs);
    this.#bound(sink, nowMs);
  }

  #bury(seq: number, why: string, nowMs: EpochMs): void {
    const columns = 'seq, sink, alert, repeats, attempts';
    const move = `INSERT OR REPLACE INTO dead (${columns}, why, queued_at, died_at)
      SELECT ${columns}, ?, queued_at, ? FROM waiting WHERE seq = ?`;
    this.#db.prepare(move).run(why.slice(0, 500), nowMs, seq);
    this.#db.prepare('DELETE FROM waiting WHERE seq = ?').run(seq);
    this.#db
      .prepare(
        `DELETE FROM dead WHERE sink = (SELECT sink FROM dead WHERE seq = ?) AND seq NOT IN (
          SELECT seq FROM dead AS kept WHERE kept.sink = dead.sink ORDER BY died_at DESC, seq DESC LIMIT ?)`,
      )
      .run(seq, this.#limits.deadMax);
  }

  #bound(sink: string, nowMs: EpochMs): void {
    const oldest = this.#db.prepare('SELECT seq FROM waiting WHERE sink = ? ORDER BY seq LIMIT ?');
    const over = this.count(sink) - this.#limits.waitingMax;
    if (over <= 0) return;
    for (const { seq } of oldest.all(sink, over) as readonly { seq: number }[]) {
      this.#bury(seq, `more than ${this.#limits.waitingMax} waited for this sink`, nowMs);
    }
  }

  #atOnce<Value>(work: () => Value): Value {
    return this.#db.transaction(work).immediate();
  }
}
