import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { memoryBlocks, type UpdateBlocks } from '../../../aggregation/blocks/blocks.ts';
import { type FilledRows, fileBlocks } from '../../../aggregation/blocks/file-blocks.ts';
import { RowFileWriter, type RowWriter } from '../../../aggregation/blocks/row-file.ts';
import { makeFolder } from '../../../base/atomic-file.ts';
import { unwrap } from '../../../base/fault.ts';

/** Where opened deltas of `values` values each are kept, one after another. */
export interface OpenedRows {
  begin(): RowWriter;
  /** All that ended well, in their order: once, after the last, and where there is one. */
  blocks(): UpdateBlocks;
  /** Leaves no trace of them. May be called twice. */
  release(): void;
}

/**
 * Rows of the last round, wiped, for the next one of the same size. Shared memory is freed only when every thread that
 * saw it has collected its garbage: made anew each round, it would pile up.
 */
const spareRows: Float32Array<SharedArrayBuffer>[] = [];

/** In memory that the aggregation's threads read without copying. */
export class MemoryRows implements OpenedRows {
  #values: number;
  #rows: Float32Array<SharedArrayBuffer>[] = [];

  constructor(values: number) {
    this.#values = values;
    if (spareRows[0]?.length !== values) spareRows.length = 0;
  }

  begin(): RowWriter {
    const row = spareRows.pop() ?? new Float32Array(new SharedArrayBuffer(this.#values * 4));
    const bytes = new Uint8Array(row.buffer);
    return {
      write: (plain, offsetBytes) => bytes.set(plain, offsetBytes),
      end: (isGood) => {
        if (isGood) {
          this.#rows.push(row);
        } else {
          bytes.fill(0);
          spareRows.push(row);
        }
      },
    };
  }

  blocks(): UpdateBlocks {
    return unwrap(memoryBlocks(this.#rows));
  }

  release(): void {
    for (const row of this.#rows) spareRows.push(row.fill(0));
    this.#rows = [];
  }
}

/**
 * In a scratch file without a name: nobody else finds it, and whatever ends this process takes it along. Not synced: after a crash the
 * job starts again.
 */
export class FileRows implements OpenedRows {
  #writer: RowFileWriter;

  constructor(folder: string, rows: number, values: number) {
    makeFolder(folder, 0o700);
    this.#writer = new RowFileWriter(join(folder, `rows.${randomUUID()}`), rows, values);
  }

  begin(): RowWriter {
    return this.#writer.begin();
  }

  /** The rows in their file, once the last has come. */
  filled(): FilledRows {
    this.#writer.finish();
    return { file: this.#writer.file, slots: [...Array(this.#writer.count).keys()] };
  }

  blocks(): UpdateBlocks {
    return unwrap(fileBlocks([this.filled()]));
  }

  release(): void {
    this.#writer.close();
  }
}
