import { fstatSync } from 'node:fs';
import { type Aggregated, ok, refuse } from '../fault.ts';
import { type BlockValues, requireSpan, type UpdateBlocks } from './blocks.ts';
import { placeIn, type RowFile } from './row-file.ts';
import { readRowFiles, type StoredRows } from './row-file-reader.ts';

/**
 * Updates that lie in files. With row-file.ts, row-file-reader.ts, file-sink.ts and the threads of base/thread-link.ts the one place where
 * aggregation touches the disk: n × d need not fit in memory, so somebody under the algebra's threads has to read.
 */

/** A row file, and its slots whose rows are taken, ascending. */
export type FilledRows = Readonly<{ file: RowFile; slots: readonly number[] }>;

if (new Uint8Array(Uint32Array.of(1).buffer)[0] !== 1) throw new Error('aggregation needs a little-endian machine');

/**
 * The rows of some files of one d, file after file. Refuses files that are too short (LENGTH_MISMATCH). Files must stay open and not change
 * while the blocks are in use. Worker threads read them by themselves; `read` blocks.
 */
export function fileBlocks(filled: readonly FilledRows[]): Aggregated<UpdateBlocks> {
  const files = filled.map(({ file }) => file);
  const d = files[0]?.d ?? 0;
  const n = filled.reduce((sum, { slots }) => sum + slots.length, 0);
  if (n === 0 || d < 1 || files.some((file) => file.d !== d)) {
    return refuse('EMPTY_INPUT', `need files of one length of rows with at least one row, got n=${n}, d=${d}`);
  }
  for (const { file, slots } of filled) {
    const expected = 4 * placeIn(file, slots.at(-1) ?? 0, d - 1) + 4;
    const actual = fstatSync(file.fd).size;
    if (slots.length > 0 && actual < expected) {
      const message = `a file has ${actual} bytes, need ${expected} for its ${slots.length} rows of ${d} values`;
      return refuse('LENGTH_MISMATCH', message, { expected, actual });
    }
  }
  const rows = Int32Array.from(filled.flatMap(({ slots }, file) => slots.flatMap((slot) => [file, slot])));
  return ok(blocksOver({ kind: 'files', files, rows, from: 0 }, d));
}

function blocksOver(shared: StoredRows, d: number): UpdateBlocks {
  const n = shared.rows.length / 2;
  return {
    ...{ n, d, precision: 'float32', shared },
    pick(rows) {
      const places = Int32Array.from({ length: 2 * rows.length }, (_, at) => {
        return placeOfRow(shared.rows, 2 * (rows[at >> 1] as number) + (at & 1));
      });
      return blocksOver({ ...shared, rows: places }, d);
    },
    async read(offset: number, columns: number, into: BlockValues) {
      requireSpan(this, offset, columns, into);
      const values = into instanceof Float32Array ? into.subarray(0, n * columns) : new Float32Array(n * columns);
      const reader = readRowFiles(shared);
      try {
        reader.read(offset, columns, new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
      } finally {
        reader.close();
      }
      if (into instanceof Float64Array) into.set(values);
    },
  };
}

/** Throws where no such row was filled. */
function placeOfRow(rows: Int32Array, at: number): number {
  const place = rows[at];
  if (place === undefined) throw new RangeError(`row ${at >> 1} of ${rows.length / 2}`);
  return place;
}
