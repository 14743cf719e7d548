import { createHmac } from 'node:crypto';
import { dirname } from 'node:path';
import Database from 'better-sqlite3';
import { makeFolder, privateFolderMode } from '../../base/atomic-file.ts';
import { ok, type Result, refuse } from '../../base/fault.ts';
import { seededUnit } from '../../base/random.ts';
import { openRecord, type RecordKey, recordKey, sealRecord } from '../storage/sealed-record.ts';
import type { ExampleCodec } from '../tracks/example-codec.ts';

/**
 * - `recent`: the newest distinct examples; - `reservoir`: a uniform sample of all older ones (Vitter's algorithm R);
 * - `hard`: false positives that an operator marked, replayed in every round; - `regression`: confirmed intrusions,
 * never trained on, checked after training.
 */
export type BufferPart = 'recent' | 'reservoir' | 'hard' | 'regression';

export type BufferSizes = Readonly<Record<BufferPart, number>>;

/** System calls take at most 8.5 KB an example: 75 MB on disk when every trace has the greatest length. */
export const defaultBufferSizes: BufferSizes = { recent: 2_048, reservoir: 6_144, hard: 256, regression: 256 };

export type BufferFault = 'BUFFER_DISK_FULL' | 'BUFFER_UNUSABLE';

export type BufferCounts = Readonly<
  Record<BufferPart, number> & {
    /** Distinct examples ever added. */
    seen: number;
    /** Additions that were already there. */
    repeated: number;
  }
>;

/** An example, and how often it came. */
export type CountedExample<Example = unknown> = Readonly<{ example: Example; count: number }>;

type Row = { part: BufferPart; slot: number; sealed: Buffer };

/**
 * A bounded store of one track's examples on disk (SQLite in WAL mode), each record encrypted with AES-256-GCM and bound to its
 * slot. Equal examples are kept once, so that a chatty health check cannot push everything else out; how often each came
 * is counted. Decisions of the reservoir depend on the seed and the count alone: a restart changes nothing.
 */
export class ExampleBuffer<Example = unknown> {
  readonly #database: Database.Database;
  readonly #key: RecordKey;
  readonly #fingerprintKey: Buffer;
  readonly #codec: ExampleCodec<Example>;
  readonly #sizes: BufferSizes;
  readonly #seed: number;
  readonly #statements = new Map<string, Database.Statement>();
  /** Until something is written. */
  #counts: BufferCounts | undefined;

  private constructor(
    database: Database.Database,
    dataKey: Uint8Array,
    codec: ExampleCodec<Example>,
    sizes: BufferSizes,
    seed: number,
  ) {
    this.#database = database;
    this.#codec = codec;
    this.#key = recordKey(dataKey, 'examples');
    this.#fingerprintKey = recordKey(dataKey, 'example-fingerprints').bytes;
    this.#sizes = sizes;
    this.#seed = seed;
  }

  static open<Example>(
    path: string,
    dataKey: Uint8Array,
    codec: ExampleCodec<Example>,
    sizes: BufferSizes = defaultBufferSizes,
    seed = 0,
  ): Result<ExampleBuffer<Example>, BufferFault> {
    makeFolder(dirname(path), privateFolderMode);
    try {
      const database = new Database(path);
      database.pragma('journal_mode = WAL');
      // A power cut may lose the newest examples, never the file: they are a sample anyway.
      database.pragma('synchronous = NORMAL');
      database.pragma('secure_delete = ON');
      database.exec(schema);
      return ok(new ExampleBuffer(database, dataKey, codec, sizes, seed));
    } catch (error) {
      return { ok: false, fault: faultOf(error, path) };
    }
  }

  /** Over a database that somebody opened to be read alone: such a one is read and closed, and nothing else. */
  static toRead<Example>(
    database: Database.Database,
    dataKey: Uint8Array,
    codec: ExampleCodec<Example>,
  ): Pick<ExampleBuffer<Example>, 'read'> {
    return new ExampleBuffer(database, dataKey, codec, defaultBufferSizes, 0);
  }

  /** Adds normal examples in order, all or none of them. What was there before stays readable, whatever happens. */
  add(examples: readonly Example[], nowMs: number): Result<undefined, BufferFault> {
    return this.#write(() => {
      for (const example of examples) this.#addOne(example, nowMs);
    });
  }

  /** As `add`, of examples that somebody else has counted: each as if it had come so often. */
  addCounted(examples: readonly CountedExample<Example>[], nowMs: number): Result<undefined, BufferFault> {
    return this.#write(() => {
      for (const { example, count } of examples) this.#addOne(example, nowMs, count);
    });
  }

  /** A false positive: normal after all, and worth learning first. */
  addHard(example: Example, nowMs: number): Result<undefined, BufferFault> {
    return this.#write(() => this.#mark(example, 'hard', nowMs));
  }

  /** A confirmed intrusion: taken out of everything that training sees. */
  addRegression(example: Example, nowMs: number): Result<undefined, BufferFault> {
    return this.#write(() => this.#mark(example, 'regression', nowMs));
  }

  /** Examples of these parts, by part and slot. Records that do not open are counted, not returned. */
  read(parts: readonly BufferPart[]): { examples: Example[]; unreadable: number } {
    const examples: Example[] = [];
    let unreadable = 0;
    const statement = this.#statement('SELECT part, slot, sealed FROM examples WHERE part = ? ORDER BY slot');
    for (const part of parts) {
      for (const row of statement.iterate(part) as IterableIterator<Row>) {
        const opened = openRecord(this.#key, row.sealed, place(row.part, row.slot));
        const decoded = opened.ok ? this.#codec.decode(opened.value) : opened;
        if (decoded.ok) examples.push(decoded.value);
        else unreadable += 1;
      }
    }
    return { examples, unreadable };
  }

  counts(): BufferCounts {
    this.#counts ??= this.#counted();
    return this.#counts;
  }

  #counted(): BufferCounts {
    const rows = this.#statement('SELECT part, count(*) AS n FROM examples GROUP BY part').all() as {
      part: BufferPart;
      n: number;
    }[];
    const of = (part: BufferPart) => rows.find((row) => row.part === part)?.n ?? 0;
    return {
      recent: of('recent'),
      reservoir: of('reservoir'),
      hard: of('hard'),
      regression: of('regression'),
      seen: this.#counter('seen'),
      repeated: this.#counter('repeated'),
    };
  }

  /** Bounds the file to this many pages of 4 KiB. */
  limitPages(pages: number): void {
    this.#database.pragma(`max_page_count = ${pages}`);
  }

  close(): void {
    this.#database.close();
  }

  #addOne(example: Example, nowMs: number, times = 1): void {
    if (times < 1) return;
    const encoded = this.#codec.encode(example);
    const fingerprint = this.#fingerprint(encoded);
    if (this.#find(fingerprint) !== undefined) {
      this.#count('repeated', times);
      return;
    }
    const index = this.#count('seen');
    const slot = index % this.#sizes.recent;
    this.#moveToReservoir(slot, index - this.#sizes.recent);
    this.#put('recent', slot, fingerprint, encoded, nowMs);
    if (times > 1) this.#count('repeated', times - 1);
  }

  /** The oldest recent example leaves: algorithm R decides whether it enters the sample of older ones. */
  #moveToReservoir(slot: number, olderIndex: number): void {
    const leaving = this.#statement(
      "SELECT sealed, fingerprint, added_ms FROM examples WHERE part = 'recent' AND slot = ?",
    ).get(slot) as { sealed: Buffer; fingerprint: Buffer; added_ms: number } | undefined;
    if (leaving === undefined) return;
    this.#statement("DELETE FROM examples WHERE part = 'recent' AND slot = ?").run(slot);
    const size = this.#sizes.reservoir;
    const target =
      olderIndex < size ? olderIndex : Math.floor(seededUnit(this.#seed, 'reservoir', olderIndex) * (olderIndex + 1));
    if (target >= size) return;
    const opened = openRecord(this.#key, leaving.sealed, place('recent', slot));
    if (opened.ok) this.#put('reservoir', target, leaving.fingerprint, opened.value, leaving.added_ms);
  }

  #mark(example: Example, part: 'hard' | 'regression', nowMs: number): void {
    const encoded = this.#codec.encode(example);
    const fingerprint = this.#fingerprint(encoded);
    const known = this.#statement('SELECT part FROM examples WHERE fingerprint = ?').all(fingerprint) as Pick<
      Row,
      'part'
    >[];
    // Said once more it takes no further place: those of others would go for it.
    if (known.length === 1 && known[0]?.part === part) return;
    this.#statement('DELETE FROM examples WHERE fingerprint = ?').run(fingerprint);
    this.#put(part, this.#count(part) % this.#sizes[part], fingerprint, encoded, nowMs);
  }

  #put(part: BufferPart, slot: number, fingerprint: Buffer, encoded: Buffer, nowMs: number): void {
    const sealed = sealRecord(this.#key, encoded, place(part, slot));
    this.#statement(
      'INSERT OR REPLACE INTO examples (part, slot, fingerprint, added_ms, repeats, sealed) VALUES (?,?,?,?,1,?)',
    ).run(part, slot, fingerprint, nowMs, sealed);
  }

  /** Tells equal examples without telling what they hold: an HMAC, since the space of short ones can be searched. */
  #fingerprint(encoded: Uint8Array): Buffer {
    return createHmac('sha256', this.#fingerprintKey).update(encoded).digest();
  }

  #find(fingerprint: Buffer): unknown {
    return this.#statement('SELECT 1 FROM examples WHERE fingerprint = ?').get(fingerprint);
  }

  #counter(name: string): number {
    const row = this.#statement('SELECT n FROM counters WHERE name = ?').get(name) as { n: number } | undefined;
    return row?.n ?? 0;
  }

  /** Returns the count before it. */
  #count(name: string, times = 1): number {
    const before = this.#counter(name);
    this.#statement('INSERT OR REPLACE INTO counters (name, n) VALUES (?, ?)').run(name, before + times);
    return before;
  }

  /** Compiled once: many small additions would spend a third of their time on it. */
  #statement(sql: string): Database.Statement {
    const known = this.#statements.get(sql) ?? this.#database.prepare(sql);
    this.#statements.set(sql, known);
    return known;
  }

  #write(change: () => void): Result<undefined, BufferFault> {
    this.#counts = undefined;
    try {
      this.#database.transaction(change)();
      return ok(undefined);
    } catch (error) {
      return { ok: false, fault: faultOf(error, this.#database.name) };
    }
  }
}

/** `repeats` is what earlier versions wrote and nobody read: 1 since, for directories are opened by both. */
const schema = `
  CREATE TABLE IF NOT EXISTS examples (
    part TEXT NOT NULL, slot INTEGER NOT NULL, fingerprint BLOB NOT NULL UNIQUE, added_ms INTEGER NOT NULL,
    repeats INTEGER NOT NULL, sealed BLOB NOT NULL, PRIMARY KEY (part, slot)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS counters (name TEXT PRIMARY KEY, n INTEGER NOT NULL) STRICT, WITHOUT ROWID;
`;

function place(part: BufferPart, slot: number): string {
  return `${part}/${slot}`;
}

function faultOf(error: unknown, path: string) {
  const code = String((error as { code?: unknown }).code ?? '');
  if (code === 'SQLITE_FULL' || code.startsWith('SQLITE_IOERR')) {
    return refuse('BUFFER_DISK_FULL', `${path}: no room for more examples (${code}); free some disk space`).fault;
  }
  if (!code.startsWith('SQLITE_')) throw error;
  return refuse('BUFFER_UNUSABLE', `${path} is not usable as an example buffer (${code}); move it away to start anew`)
    .fault;
}
