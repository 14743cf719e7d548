import { tilesOf } from './gram-tiles.ts';

/** Columns whose products become one float32 sum: 64 by 64 in the multiplication, then those 32 sums together. */
export const stripColumns = 2048;
export const segmentColumns = 64;
export const segmentsPerStrip = stripColumns / segmentColumns;

export function stripsIn(columns: number): number {
  return Math.ceil(columns / stripColumns);
}

/**
 * Where things lie in a packed block: tile after tile a float32 array of shape [strips, 32 segments, rows, 64 columns],
 * just as the native multiplication takes it; then for every strip n scales and n squared norms, float64. All in bytes
 * from the block's start.
 */
export type PackedBlock = Readonly<{
  strips: number;
  bytes: number;
  tileAt(firstRow: number): number;
  rowAt(strip: number, row: number): number;
  /** From one segment of the row to its next. */
  segmentBytes(row: number): number;
  scaleAt(strip: number, row: number): number;
  squaredNormAt(strip: number, row: number): number;
}>;

export function packedBlock(n: number, tileRows: number, strips: number): PackedBlock {
  const rowBytes = 4 * stripColumns;
  const tiles = tilesOf(n, tileRows);
  const tileOf = (row: number) => tiles[Math.floor(row / tileRows)] as (typeof tiles)[number];
  const scales = rowBytes * n * strips;
  return {
    strips,
    bytes: scales + 16 * n * strips,
    tileAt: (firstRow) => rowBytes * firstRow * strips,
    rowAt(strip, row) {
      const { first, rows } = tileOf(row);
      return rowBytes * (first * strips + strip * rows) + 4 * segmentColumns * (row - first);
    },
    segmentBytes: (row) => 4 * segmentColumns * tileOf(row).rows,
    scaleAt: (strip, row) => scales + 8 * (2 * n * strip + row),
    squaredNormAt: (strip, row) => scales + 8 * (2 * n * strip + n + row),
  };
}
