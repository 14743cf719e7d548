import { type Aggregated, ok, refuse } from '../fault.ts';
import type { RowFile } from './row-file.ts';

/**
 * n updates of d values each, of which only columns are ever held: n × d need not fit in memory. Whoever reads brings
 * the buffer, so the same source fills a plain array, a SharedArrayBuffer for a worker, or wasm memory, and two buffers
 * can be in flight. Reads may come in any order, again and again, and always give the same values.
 */
export interface UpdateBlocks {
  readonly n: number;
  readonly d: number;
  /** What `read` yields before rounding: 'float32' for stored updates, 'float64' for computed views. */
  readonly precision: 'float32' | 'float64';
  /**
   * Writes columns [offset, offset + columns) of every row into `into[0 .. n * columns)`, row-major: row i's values
   * start at i * columns. Float32 updates are exact in either array; float64 ones (views.ts) are rounded only when the
   * reader brings a Float32Array. Throws RangeError outside [0, d).
   */
  read(offset: number, columns: number, into: BlockValues): Promise<void>;
  /** The same updates, only these rows, in this order. */
  pick(rows: readonly number[]): UpdateBlocks;
  /** For rows that are computed from another source's rows while they are read (views.ts): how. */
  readonly madeFrom?: Readonly<{ base: UpdateBlocks; rowSums: readonly RowSum[] }>;
  /** For sources put together from others by columns (columns.ts): part p's columns lie at its ranges. */
  readonly joinedFrom?: readonly ColumnPart[];
  /** How a worker thread can reach the same values by itself; absent when only this thread can. */
  readonly shared?: SharedUpdates;
}

/** One computed row: (Σ factors[t] · x[members[t]]) / divisor, summed in float64 in the order of members. */
export type RowSum = Readonly<{ members: readonly number[]; factors: readonly number[]; divisor: number }>;

/** Ranges of [offset, offset + length) whose columns are those of `source`, one after another. */
export type ColumnPart = Readonly<{
  ranges: readonly Readonly<{ offset: number; length: number }>[];
  source: UpdateBlocks;
}>;

export type BlockValues = Float32Array | Float64Array;

/**
 * Both survive structured cloning: rows over SharedArrayBuffer, or in row files (row-file.ts): `rows` has a file's number and a slot in
 * it for each, and column 0 is the files' column `from`.
 */
export type SharedUpdates = Readonly<
  | { kind: 'memory'; rows: readonly Float32Array<SharedArrayBuffer>[] }
  | { kind: 'files'; files: readonly RowFile[]; rows: Int32Array; from: number }
>;

/** Where an aggregate goes, block by block in ascending order without gaps. `values` belongs to the writer again once the write settles. */
export interface AggregateSink {
  write(offset: number, values: Float64Array): Promise<void> | void;
}

/** Buffer that one walk may hold, in bytes: large enough for native kernels, small beside what n × d would be. */
const walkBytes = 16 * 2 ** 20;

/** Columns per block such that n rows of them take at most about 16 MiB; never below 1, never above d. */
export function columnsPerBlock(source: UpdateBlocks): number {
  const bytesPerValue = source.precision === 'float32' ? 4 : 8;
  return Math.max(1, Math.min(source.d, Math.floor(walkBytes / (Math.max(1, source.n) * bytesPerValue))));
}

/** A buffer that takes `columns` columns of every row as they are, unrounded. */
export function blockBuffer(source: UpdateBlocks, columns: number): BlockValues {
  const length = source.n * columns;
  return source.precision === 'float32' ? new Float32Array(length) : new Float64Array(length);
}

/** [offset, columns] pairs that cover d in ascending order. */
export function* spans(d: number, columns: number): Generator<readonly [offset: number, columns: number]> {
  for (let offset = 0; offset < d; offset += columns) yield [offset, Math.min(columns, d - offset)];
}

/** Updates held in memory. `vectors`: n arrays of shape [d], read where they lie and never written to. */
export function memoryBlocks(vectors: readonly Float32Array[]): Aggregated<UpdateBlocks> {
  const [first] = vectors;
  if (first === undefined || first.length === 0) {
    return refuse('EMPTY_INPUT', `need at least one update of at least one value, got n=${vectors.length}`);
  }
  const odd = vectors.findIndex((vector) => vector.length !== first.length);
  if (odd !== -1) {
    return refuse('LENGTH_MISMATCH', `row ${odd} has ${vectors[odd]?.length} values where row 0 has ${first.length}`, {
      row: odd,
      expected: first.length,
      actual: vectors[odd]?.length ?? 0,
    });
  }
  return ok(new MemoryBlocks(vectors, first.length));
}

class MemoryBlocks implements UpdateBlocks {
  readonly n: number;
  readonly d: number;
  readonly precision = 'float32';
  readonly shared?: SharedUpdates;
  readonly #vectors: readonly Float32Array[];

  constructor(vectors: readonly Float32Array[], d: number) {
    this.n = vectors.length;
    this.d = d;
    this.#vectors = vectors;
    if (vectors.every(isShared)) this.shared = { kind: 'memory', rows: vectors };
  }

  async read(offset: number, columns: number, into: BlockValues): Promise<void> {
    requireSpan(this, offset, columns, into);
    for (const [row, vector] of this.#vectors.entries()) {
      into.set(vector.subarray(offset, offset + columns), row * columns);
    }
  }

  pick(rows: readonly number[]): UpdateBlocks {
    return new MemoryBlocks(
      rows.map((row) => rowOf(this.#vectors, row)),
      this.d,
    );
  }
}

function isShared(vector: Float32Array): vector is Float32Array<SharedArrayBuffer> {
  return vector.buffer instanceof SharedArrayBuffer;
}

/** Throws unless `rows` has that row: rows come from our own code, so a wrong one is a broken invariant. */
export function rowOf<Row>(rows: readonly Row[], row: number): Row {
  const found = rows[row];
  if (found === undefined) throw new RangeError(`row ${row} of ${rows.length}`);
  return found;
}

/** Throws RangeError when a read would leave the source or overflow the buffer. */
export function requireSpan(source: UpdateBlocks, offset: number, columns: number, into: BlockValues): void {
  const inside = Number.isInteger(offset) && Number.isInteger(columns) && offset >= 0 && columns >= 1;
  if (!inside || offset + columns > source.d || into.length < source.n * columns) {
    throw new RangeError(
      `read of columns [${offset}, ${offset + columns}) of ${source.n} rows: d is ${source.d}, buffer holds ${into.length}`,
    );
  }
}

/** Keeps the whole aggregate: `values` has shape [d], float64. */
export function memorySink(d: number): AggregateSink & { readonly values: Float64Array } {
  const values = new Float64Array(d);
  return {
    values,
    write(offset, block) {
      values.set(block, offset);
    },
  };
}
