import { tilesOf } from './gram-tiles.ts';
import { chunkColumns } from './ordered-sums.ts';

/** Columns that one float32 multiplication sums up before it is added to the others of its chunk. */
export const segmentColumns = 64;
export const segmentsPerChunk = chunkColumns / segmentColumns;

/**
 * Where things lie in a packed block: tile after tile a float32 array of shape [chunks, 16 segments, rows, 64 columns],
 * just as the native multiplication takes it; then for every chunk n scales and n squared norms, float64. All in bytes
 * from the block's start.
 */
export type PackedBlock = Readonly<{
  chunks: number;
  bytes: number;
  tileAt(firstRow: number): number;
  rowAt(chunk: number, row: number): number;
  /** From one segment of the row to its next. */
  segmentBytes(row: number): number;
  scaleAt(chunk: number, row: number): number;
  squaredNormAt(chunk: number, row: number): number;
}>;

export function packedBlock(n: number, tileRows: number, chunks: number): PackedBlock {
  const rowBytes = 4 * chunkColumns;
  const tiles = tilesOf(n, tileRows);
  const tileOf = (row: number) => tiles[Math.floor(row / tileRows)] as (typeof tiles)[number];
  const scales = rowBytes * n * chunks;
  return {
    chunks,
    bytes: scales + 16 * n * chunks,
    tileAt: (firstRow) => rowBytes * firstRow * chunks,
    rowAt(chunk, row) {
      const { first, rows } = tileOf(row);
      return rowBytes * (first * chunks + chunk * rows) + 4 * segmentColumns * (row - first);
    },
    segmentBytes: (row) => 4 * segmentColumns * tileOf(row).rows,
    scaleAt: (chunk, row) => scales + 8 * (2 * n * chunk + row),
    squaredNormAt: (chunk, row) => scales + 8 * (2 * n * chunk + n + row),
  };
}
