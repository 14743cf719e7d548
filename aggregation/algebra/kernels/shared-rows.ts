import { closeSync, openSync, readSync } from 'node:fs';
import type { SharedUpdates } from '../../blocks/blocks.ts';

/** Rows as a worker thread reads them: float32 columns [offset, offset + columns) of every row, row-major, to `at`. */
export type SharedRows = Readonly<{
  read(offset: number, columns: number, into: SharedArrayBuffer, at: number): void;
  close(): void;
}>;

/** How many files stay open at once; of more than that each is opened for every read, so that 10,000 need no limit raised. */
export const filesOpenMax = 512;

export function openSharedRows(shared: SharedUpdates): SharedRows {
  switch (shared.kind) {
    case 'memory':
      return memoryRows(shared.rows);
    case 'files':
      return fileRows(shared.files);
  }
}

function memoryRows(rows: readonly Float32Array<SharedArrayBuffer>[]): SharedRows {
  return {
    read(offset, columns, into, at) {
      const block = new Float32Array(into, at, rows.length * columns);
      rows.forEach((row, i) => {
        block.set(row.subarray(offset, offset + columns), i * columns);
      });
    },
    close() {},
  };
}

function fileRows(files: readonly { path: string; byteOffset: number }[]): SharedRows {
  let open: number[] | undefined = [];
  if (files.length <= filesOpenMax) {
    try {
      for (const { path } of files) open.push(openSync(path, 'r'));
    } catch (error) {
      for (const file of open) closeSync(file);
      throw error;
    }
  }
  return {
    read(offset, columns, into, at) {
      const bytes = 4 * columns;
      files.forEach(({ path, byteOffset }, i) => {
        const target = new Uint8Array(into, at + i * bytes, bytes);
        const kept = open?.[i];
        const file = kept ?? openSync(path, 'r');
        try {
          readFully(file, target, byteOffset + 4 * offset, path);
        } finally {
          if (kept === undefined) closeSync(file);
        }
      });
    },
    close() {
      for (const file of open ?? []) closeSync(file);
      open = undefined;
    },
  };
}

function readFully(file: number, target: Uint8Array, position: number, path: string): void {
  for (let done = 0; done < target.length; ) {
    const count = readSync(file, target, done, target.length - done, position + done);
    if (count === 0) throw new RangeError(`${path}: ends at byte ${position + done}, shorter than its update`);
    done += count;
  }
}
