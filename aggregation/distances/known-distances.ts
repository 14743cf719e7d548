import type { UpdateBlocks } from '../blocks/blocks.ts';
import type { DistanceMatrix, LinearAlgebra, RowPair } from '../linear-algebra.ts';

/** Squared distances between the rows of one source: approximate with bounds at first, exact wherever someone asked. */
export interface KnownDistances {
  readonly n: number;
  /** As known now, i ≠ j. */
  value(i: number, j: number): number;
  /** |value − exact| at most, i ≠ j; 0 once exact. */
  error(i: number, j: number): number;
  readonly rowErrors: Float64Array;
  /** Makes these pairs exact; pairs that already are cost nothing. */
  settle(pairs: readonly RowPair[]): Promise<void>;
  /** Same number for rows that are equal by construction (mixed from the same rows): they tie whatever rounding says. */
  readonly identity: Int32Array;
  /** Grows whenever a distance of the row changes: for those who keep something made from them. */
  version(row: number): number;
  /** How many pairs had to be computed again. */
  readonly settledPairs: number;
}

/** Takes over `matrix`. `identity` defaults to every row being its own. */
export function knownDistances(
  algebra: LinearAlgebra,
  source: UpdateBlocks,
  matrix: DistanceMatrix,
  identity: Int32Array = Int32Array.from({ length: matrix.n }, (_, row) => row),
): KnownDistances {
  const { n, values } = matrix;
  // One bit a pair, made only when a pair is settled: 12 MB for 10,000 rows.
  let settled: Uint8Array | undefined;
  let settledPairs = 0;
  const versions = new Uint32Array(n);
  const isSettled = (at: number) => settled !== undefined && ((settled[at >>> 3] as number) & (1 << (at & 7))) !== 0;
  const error = (i: number, j: number) => (isSettled(i * n + j) ? 0 : matrix.errorOf(i, j));
  const keep = (i: number, j: number, exact: number) => {
    settled ??= new Uint8Array(Math.ceil((n * n) / 8));
    for (const at of [i * n + j, j * n + i]) {
      values[at] = exact;
      settled[at >>> 3] = (settled[at >>> 3] as number) | (1 << (at & 7));
    }
  };
  return {
    n,
    identity,
    rowErrors: matrix.rowErrors,
    value: (i, j) => values[i * n + j] as number,
    error,
    async settle(pairs) {
      const wanted = new Map(pairs.filter(([i, j]) => error(i, j) > 0).map((pair) => [keyOf(pair, n), pair]));
      const open = [...wanted.values()];
      if (open.length === 0) return;
      const exact = await algebra.exactDistances(source, open);
      open.forEach(([i, j], at) => {
        keep(i, j, exact[at] as number);
        for (const row of [i, j]) versions[row] = (versions[row] as number) + 1;
      });
      settledPairs += open.length;
    },
    version: (row) => versions[row] as number,
    get settledPairs() {
      return settledPairs;
    },
  };
}

function keyOf([i, j]: RowPair, n: number): number {
  return Math.min(i, j) * n + Math.max(i, j);
}
