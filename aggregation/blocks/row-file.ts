import { closeSync, openSync, rmSync, writeSync } from 'node:fs';
import { chunkColumns } from '../ordered-sums.ts';

/**
 * A file of up to `rows` rows of d little-endian float32 values, chunk by chunk: the first 1,024 columns of every row, row after row,
 * then the next 1,024 of every row, and so on. A pass over columns reads on, and opens one file however many rows there are:
 * with a file a row it opened each of them for every block. It has no name, only a descriptor, which every thread of the process
 * reads: its blocks are free again once that is closed, or the process has ended however it did.
 */
export type RowFile = Readonly<{ fd: number; rows: number; d: number }>;

/** Where a row has a column, in values from the file's start. Up to the end of its chunk the row's values follow it. */
export function placeIn({ rows, d }: Omit<RowFile, 'fd'>, slot: number, column: number): number {
  const first = column - (column % chunkColumns);
  return rows * first + slot * chunkWidth(d, first) + column - first;
}

/** Columns of the chunk that begins at `first`. */
export function chunkWidth(d: number, first: number): number {
  return Math.min(chunkColumns, d - first);
}

/** Rows are held until they are this much together, so that what lies together is written together. */
const heldBytesMax = 8 * 2 ** 20;

/** A row on its way into its file. */
export type RowWriter = Readonly<{
  /** Bytes of the row from `offsetBytes` on, whole values. */
  write(bytes: Uint8Array, offsetBytes: number): void;
  /** The row takes the next slot, or nothing came. */
  end(isGood: boolean): void;
}>;

/** Fills a row file from its first slot on. Not synced. Holds at most 8 MiB, wiped at the end. Synchronous: for worker threads. */
export class RowFileWriter {
  readonly file: RowFile;
  /** Rows not written yet, laid out as a file of as many; undefined where rows are too long to be held. */
  readonly #held: Uint8Array<ArrayBuffer> | undefined;
  readonly #heldRows: number;
  #written = 0;
  #count = 0;
  #isClosed = false;

  /** `path`: a name that nobody uses, on the disk that it shall lie on; it is gone again at once. */
  constructor(path: string, rows: number, d: number) {
    const heldRows = Math.min(rows, Math.floor(heldBytesMax / (4 * d)));
    this.#heldRows = Math.max(1, heldRows);
    this.#held = heldRows > 1 ? new Uint8Array(4 * heldRows * d) : undefined;
    this.file = { fd: openSync(path, 'wx+', 0o600), rows, d };
    rmSync(path);
  }

  /** Slots that are taken. */
  get count(): number {
    return this.#count;
  }

  begin(): RowWriter {
    const slot = this.#count;
    return {
      write: (bytes, offsetBytes) => this.#put(slot, bytes, offsetBytes),
      end: (isGood) => {
        if (!isGood) return; // The next row takes its place.
        this.#count += 1;
        if (this.#held !== undefined && this.#count - this.#written === this.#heldRows) this.#flush();
      },
    };
  }

  /** Everything is in the file, and nothing is held any more; no row comes after it. */
  finish(): void {
    this.#flush();
    this.#letGo();
  }

  /** Gives back what the file took. May be called twice. */
  close(): void {
    this.#letGo();
    if (!this.#isClosed) closeSync(this.file.fd);
    this.#isClosed = true;
  }

  #put(slot: number, bytes: Uint8Array, offsetBytes: number): void {
    const { d } = this.file;
    for (let done = 0; done < bytes.byteLength; ) {
      const column = (offsetBytes + done) / 4;
      const first = column - (column % chunkColumns);
      const piece = bytes.subarray(done, done + 4 * (first + chunkWidth(d, first) - column));
      if (this.#held === undefined) this.#writeAt(piece, placeIn(this.file, slot, column));
      else this.#held.set(piece, 4 * placeIn({ rows: this.#heldRows, d }, slot - this.#written, column));
      done += piece.byteLength;
    }
  }

  /** Wiped, and given back now rather than at some garbage collection. */
  #letGo(): void {
    if (this.#held === undefined || this.#held.byteLength === 0) return;
    this.#held.fill(0);
    this.#held.buffer.transfer(0);
  }

  #flush(): void {
    const [held, { d }] = [this.#held, this.file];
    const rows = this.#count - this.#written;
    if (held === undefined || rows === 0) return;
    for (let first = 0; first < d; first += chunkColumns) {
      const from = 4 * placeIn({ rows: this.#heldRows, d }, 0, first);
      this.#writeAt(
        held.subarray(from, from + 4 * rows * chunkWidth(d, first)),
        placeIn(this.file, this.#written, first),
      );
    }
    this.#written = this.#count;
  }

  #writeAt(bytes: Uint8Array, place: number): void {
    for (let done = 0; done < bytes.byteLength; ) {
      done += writeSync(this.file.fd, bytes, done, bytes.byteLength - done, 4 * place + done);
    }
  }
}
