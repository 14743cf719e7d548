/** Columns of a strip: rows are centred and scaled strip by strip. */
export const stripColumns = 2048;
/** Columns whose products become one float32 sum. */
export const segmentColumns = 64;
/** Rows that are packed and multiplied together. */
export const panelRows = 12;

/**
 * What a block of columns gives: the products of m rows, centred, and their squared norms. Of each wanted pair of panels
 * (p, q), p ≤ q, in the order (0, 0), (0, 1), … one tile of shape [12, 12] float64; then a squared norm for each row of each
 * panel. With `between`, pairs that hold a row before it and one from it on are wanted alone. Bytes from the answer's start.
 */
export type PanelProducts = Readonly<{
  panels: number;
  /** Wanted are pairs of a panel p < until and a panel q ≥ max(p, from). */
  until: number;
  from: number;
  pairs: number;
  squaredNormsAt: number;
  bytes: number;
}>;

const tileValues = panelRows * panelRows;

export function panelProducts(m: number, between: number | undefined): PanelProducts {
  const panels = Math.ceil(m / panelRows);
  const until = between === undefined ? panels : Math.ceil(between / panelRows);
  const from = between === undefined ? 0 : Math.floor(between / panelRows);
  let pairs = 0;
  for (let p = 0; p < until; p++) pairs += panels - Math.max(p, from);
  const squaredNormsAt = 8 * tileValues * pairs;
  return { panels, until, from, pairs, squaredNormsAt, bytes: squaredNormsAt + 8 * panelRows * panels };
}

export function stripsIn(columns: number): number {
  return Math.ceil(columns / stripColumns);
}

/** Calls `visit` with every product of two of the m rows that is there, i < j. tiles: the answer's, shape [pairs, 12, 12]. */
export function eachProduct(
  tiles: Float64Array,
  m: number,
  { panels, until, from }: PanelProducts,
  visit: (i: number, j: number, product: number) => void,
): void {
  let tile = 0;
  for (let p = 0; p < until; p++) {
    for (let q = Math.max(p, from); q < panels; q++, tile += tileValues) {
      const [rowsEnd, columnsEnd] = [Math.min(m, (p + 1) * panelRows), Math.min(m, (q + 1) * panelRows)];
      for (let i = p * panelRows; i < rowsEnd; i++) {
        const at = tile + (i - p * panelRows) * panelRows - q * panelRows;
        for (let j = Math.max(q * panelRows, i + 1); j < columnsEnd; j++) visit(i, j, tiles[at + j] as number);
      }
    }
  }
}
