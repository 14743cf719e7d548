import { readSync } from 'node:fs';
import { chunkColumns } from '../ordered-sums.ts';
import type { SharedUpdates } from './blocks.ts';
import { chunkWidth, placeIn, type RowFile } from './row-file.ts';

/** Rows that lie in row files, as another thread can open them too. */
export type StoredRows = Extract<SharedUpdates, { kind: 'files' }>;

/** Reads columns [offset, offset + columns) of every row, row-major, into float32 values' bytes. Synchronous: for worker threads. */
export type RowFileReader = Readonly<{
  read(offset: number, columns: number, into: Uint8Array): void;
  /** Wipes what it read by way of. */
  close(): void;
}>;

/** Rows that follow each other in one file, and `at`: the first one's place among the rows read. */
type Run = Readonly<{ file: RowFile; slot: number; at: number; count: number }>;

/** What is read at once where rows do not lie in the file as they are wanted. */
const aroundBytes = 2 ** 20;

export function readRowFiles({ files, rows, from }: StoredRows): RowFileReader {
  const runs = runsOf(rows).map(({ file, ...run }): Run => ({ ...run, file: files[file] as RowFile }));
  let around: Uint8Array<ArrayBuffer> | undefined;
  const takeAround = () => {
    around ??= new Uint8Array(aroundBytes);
    return around;
  };
  return {
    read(offset, columns, into) {
      for (const run of runs) readRun(run, from + offset, columns, into, takeAround);
    },
    close() {
      around?.fill(0);
      around?.buffer.transfer(0); // Given back now: a pass opens one reader a thread.
      around = undefined;
    },
  };
}

/** Rows as they were picked, in as few runs as there are. */
function runsOf(rows: Int32Array): { file: number; slot: number; at: number; count: number }[] {
  const runs: { file: number; slot: number; at: number; count: number }[] = [];
  for (let at = 0; 2 * at < rows.length; at++) {
    const [file, slot] = [rows[2 * at] as number, rows[2 * at + 1] as number];
    const last = runs.at(-1);
    if (last?.file === file && last.slot + last.count === slot) last.count += 1;
    else runs.push({ file, slot, at, count: 1 });
  }
  return runs;
}

/** Chunk by chunk: at once where that is how the rows are wanted, else by way of `around`, else row by row. */
function readRun(run: Run, from: number, columns: number, into: Uint8Array, around: () => Uint8Array): void {
  const { file, slot, at, count } = run;
  for (let column = from; column < from + columns; ) {
    const first = column - (column % chunkColumns);
    const width = chunkWidth(file.d, first);
    const taken = Math.min(first + width, from + columns) - column;
    const to = (row: number) => 4 * ((at + row) * columns + column - from);
    if (taken === columns && taken === width) {
      readFully(run, into.subarray(to(0), to(count)), placeIn(file, slot, column));
    } else if (count > 1 && 2 * taken >= width) {
      const rowsAround = Math.floor(aroundBytes / (4 * width));
      for (let row = 0; row < count; row += rowsAround) {
        const rows = Math.min(rowsAround, count - row);
        const read = around().subarray(0, 4 * rows * width);
        readFully(run, read, placeIn(file, slot + row, first));
        for (let each = 0; each < rows; each++) {
          const start = 4 * (each * width + column - first);
          into.set(read.subarray(start, start + 4 * taken), to(row + each));
        }
      }
    } else {
      for (let row = 0; row < count; row++) {
        readFully(run, into.subarray(to(row), to(row) + 4 * taken), placeIn(file, slot + row, column));
      }
    }
    column += taken;
  }
}

function readFully({ file: { fd } }: Run, target: Uint8Array, place: number): void {
  for (let done = 0; done < target.length; ) {
    const got = readSync(fd, target, done, target.length - done, 4 * place + done);
    if (got === 0) throw new RangeError(`a file of rows ends at byte ${4 * place + done}, before its updates do`);
    done += got;
  }
}
