import type { SharedUpdates } from '../../blocks/blocks.ts';
import { readRowFiles, type StoredRows } from '../../blocks/row-file-reader.ts';

/** Rows as a worker thread reads them: float32 columns [offset, offset + columns) of every row, row-major, to `at`. */
export type SharedRows = Readonly<{
  read(offset: number, columns: number, into: SharedArrayBuffer, at: number): void;
  close(): void;
}>;

export function openSharedRows(shared: SharedUpdates): SharedRows {
  switch (shared.kind) {
    case 'memory':
      return memoryRows(shared.rows);
    case 'files':
      return fileRows(shared);
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

function fileRows(shared: StoredRows): SharedRows {
  const reader = readRowFiles(shared);
  const n = shared.rows.length / 2;
  return {
    read: (offset, columns, into, at) => reader.read(offset, columns, new Uint8Array(into, at, 4 * n * columns)),
    close: () => reader.close(),
  };
}
