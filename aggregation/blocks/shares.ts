import type { UpdateBlocks } from './blocks.ts';

/**
 * What part of the aggregate each row of `origin` makes, given the parts that the rows of `source` make, which were
 * computed from it step by step. shares: shape [source.n]. Returns shape [origin.n].
 */
export function sharesOfOrigin(source: UpdateBlocks, origin: UpdateBlocks, shares: Float64Array): Float64Array {
  if (source === origin || source.madeFrom === undefined) return shares;
  const { base, rowSums } = source.madeFrom;
  const below = new Float64Array(base.n);
  rowSums.forEach(({ members, factors, divisor }, row) => {
    members.forEach((member, t) => {
      below[member] = (below[member] as number) + ((shares[row] as number) * (factors[t] as number)) / divisor;
    });
  });
  return sharesOfOrigin(base, origin, below);
}

/** For each row of `origin`, the rows of `source` that were made from it, ascending: several after mixing. */
export function rowsMadeFrom(source: UpdateBlocks, origin: UpdateBlocks): number[][] {
  if (source === origin || source.madeFrom === undefined) return Array.from({ length: origin.n }, (_, row) => [row]);
  const { base, rowSums } = source.madeFrom;
  const made: number[][] = Array.from({ length: base.n }, () => []);
  rowSums.forEach(({ members }, row) => {
    for (const member of members) made[member]?.push(row);
  });
  return rowsMadeFrom(base, origin).map((rows) =>
    [...new Set(rows.flatMap((row) => made[row] as number[]))].sort(byValue),
  );
}

function byValue(a: number, b: number): number {
  return a - b;
}
