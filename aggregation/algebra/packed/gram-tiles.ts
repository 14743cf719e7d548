/** Rows of the Gram matrix that are multiplied together. */
export type GramTile = Readonly<{ first: number; rows: number }>;

/**
 * How many rows a tile has: few enough that a good part of the matrix's lower half is never computed, enough that the
 * multiplication runs near the machine's peak and its partial products (32 × rows² float32) stay in the cache.
 */
export function tileRowsFor(n: number): number {
  const tiles = n <= 160 ? 1 : Math.ceil(n / (n <= 1024 ? 128 : 256)); // Beyond, more calls would cost more than they save.
  return Math.ceil(n / tiles);
}

export function tilesOf(n: number, tileRows: number): GramTile[] {
  return Array.from({ length: Math.ceil(n / tileRows) }, (_, tile) => {
    const first = tile * tileRows;
    return { first, rows: Math.min(tileRows, n - first) };
  });
}

/** Strips that one call multiplies: their partial products together take at most about 4 MiB, so that they stay cached. */
export function stripsTogether(tileRows: number): number {
  return Math.max(1, Math.min(8, Math.floor(2 ** 22 / (32 * 4 * tileRows * tileRows))));
}
