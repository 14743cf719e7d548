import type { UpdateBlocks } from '../blocks/blocks.ts';
import type { DistanceMatrix, LinearAlgebra } from '../linear-algebra.ts';

/**
 * A rectangle of a distance matrix, computed apart from the others: between rows of one block and rows of another, or within one.
 * Whoever puts rectangles together decides what whole matrices decide: bounds come along, and doubts are settled exactly.
 */
export type DistanceTile = Readonly<{
  rows: number;
  columns: number;
  /** Shape [rows]: of the block's rows, as DistanceMatrix has them; shape [columns] likewise. NaN where there is no row. */
  rowErrors: Float64Array;
  columnErrors: Float64Array;
  /** Shape [rows, columns], row-major. */
  values: Float64Array;
  /** The bound of each; rounded up. */
  errors: Float32Array;
}>;

/** Which blocks of rows a grid has, and which pairs of them: (a, a), (a, a + 1), … The grid depends on n and `rows` alone. */
export function gridOf(n: number, rows: number): readonly (readonly [number, number])[] {
  const blocks = Math.ceil(n / rows);
  return Array.from({ length: blocks }, (_, a) => a).flatMap((a) =>
    Array.from({ length: blocks - a }, (_, more) => [a, a + more] as const),
  );
}

/** From the first row of a block to behind its last. */
export function rowsOfBlock(block: number, n: number, rows: number): readonly [number, number] {
  return [block * rows, Math.min(n, (block + 1) * rows)];
}

/** Somewhat more than float32 rounds by: an error of 0 stays one. */
const roundedUp = 1 + 2 ** -22;

/**
 * The rectangle of `source`, whose rows are those of the first block and then those of the second; of the first alone where
 * `columns` is 0. `at[i]`: the place of source row i among all rows of both blocks, for blocks of which some could not be read.
 */
export async function computeTile(
  algebra: LinearAlgebra,
  source: UpdateBlocks,
  at: readonly number[],
  rows: number,
  columns: number,
): Promise<DistanceTile> {
  const isDiagonal = columns === 0;
  const between = isDiagonal ? undefined : at.filter((place) => place < rows).length;
  const width = isDiagonal ? rows : columns;
  const tile = {
    ...{ rows, columns: width },
    rowErrors: new Float64Array(rows).fill(Number.NaN),
    columnErrors: new Float64Array(width).fill(Number.NaN),
    values: new Float64Array(rows * width).fill(Number.NaN),
    errors: new Float32Array(rows * width),
  };
  if (source.n < 2 || between === 0 || between === source.n) return tile;
  const matrix = await algebra.squaredDistances(source, between);
  const left = between ?? source.n;
  for (let i = 0; i < source.n; i++) {
    const place = at[i] as number;
    const error = matrix.rowErrors[i] as number;
    if (i < left) tile.rowErrors[place] = error;
    if (isDiagonal) tile.columnErrors[place] = error;
    else if (i >= left) tile.columnErrors[place - rows] = error;
  }
  for (let i = 0; i < left; i++) {
    for (let j = isDiagonal ? 0 : left; j < source.n; j++) {
      const place = (at[i] as number) * width + (at[j] as number) - (isDiagonal ? 0 : rows);
      tile.values[place] = matrix.values[i * source.n + j] as number;
      tile.errors[place] = i === j ? 0 : matrix.errorOf(i, j) * roundedUp;
    }
  }
  return tile;
}

/** The distances of `chosen` rows (ascending) of all n, from the tiles of the grid, in its order. */
export function matrixOfTiles(
  n: number,
  rows: number,
  tiles: Iterable<DistanceTile>,
  chosen: readonly number[],
): DistanceMatrix {
  const count = chosen.length;
  const place = new Int32Array(n).fill(-1);
  for (const [at, row] of chosen.entries()) place[row] = at;
  const values = new Float64Array(count * count);
  const errors = new Float32Array(count * count);
  const rowErrors = new Float64Array(count);
  const raise = (row: number, error: number) => {
    const at = place[row] as number;
    if (at >= 0 && error > (rowErrors[at] as number)) rowErrors[at] = error;
  };
  const grid = gridOf(n, rows)[Symbol.iterator]();
  for (const tile of tiles) {
    const [a, b] = grid.next().value as readonly [number, number];
    const [fromRow] = rowsOfBlock(a, n, rows);
    const [fromColumn] = rowsOfBlock(b, n, rows);
    for (let i = 0; i < tile.rows; i++) raise(fromRow + i, (tile.rowErrors[i] as number) * roundedUp);
    for (let j = 0; j < tile.columns; j++) raise(fromColumn + j, (tile.columnErrors[j] as number) * roundedUp);
    for (let i = 0; i < tile.rows; i++) {
      const to = place[fromRow + i] as number;
      if (to < 0) continue;
      for (let j = 0; j < tile.columns; j++) {
        const other = place[fromColumn + j] as number;
        if (other < 0 || other === to) continue;
        const from = i * tile.columns + j;
        values[to * count + other] = values[other * count + to] = tile.values[from] as number;
        errors[to * count + other] = errors[other * count + to] = tile.errors[from] as number;
      }
    }
  }
  return { n: count, values, errorOf: (i, j) => errors[i * count + j] as number, rowErrors };
}

/** Little-endian, as every machine of ours is: row errors, column errors, values, errors. */
export function bytesOfTile({ rowErrors, columnErrors, values, errors }: DistanceTile): readonly Uint8Array[] {
  return [rowErrors, columnErrors, values, errors].map(
    ({ buffer, byteOffset, byteLength }) => new Uint8Array(buffer, byteOffset, byteLength),
  );
}

/** Undefined for bytes of another size. */
export function tileOfBytes(bytes: Uint8Array, rows: number, columns: number): DistanceTile | undefined {
  const pairs = rows * columns;
  if (bytes.byteLength !== 8 * (rows + columns + pairs) + 4 * pairs) return undefined;
  const { buffer } = bytes.byteOffset === 0 ? bytes : bytes.slice();
  return {
    ...{ rows, columns },
    rowErrors: new Float64Array(buffer, 0, rows),
    columnErrors: new Float64Array(buffer, 8 * rows, columns),
    values: new Float64Array(buffer, 8 * (rows + columns), pairs),
    errors: new Float32Array(buffer, 8 * (rows + columns + pairs), pairs),
  };
}
