import { type BlockValues, blockBuffer, type RowSum, requireSpan, rowOf, type UpdateBlocks } from './blocks.ts';

/** Each row the mean of the base rows that its group lists; groups in ascending order. Shape [groups.length, d]. */
export function groupMeans(base: UpdateBlocks, groups: readonly (readonly number[])[]): UpdateBlocks {
  return sumView(
    base,
    groups.map((members) => ({ members, factors: members.map(() => 1), divisor: members.length })),
  );
}

/** Row i times factors[i]. Shape [n, d]. */
export function scaledRows(base: UpdateBlocks, factors: ArrayLike<number>): UpdateBlocks {
  return sumView(
    base,
    Array.from({ length: base.n }, (_, row) => ({ members: [row], factors: [factors[row] as number], divisor: 1 })),
  );
}

/** The base's rows followed by one more, `vector` of shape [d]. */
export function appendRow(base: UpdateBlocks, vector: Float64Array): UpdateBlocks {
  return {
    n: base.n + 1,
    d: base.d,
    precision: 'float64',
    pick(rows) {
      const stored = rows.filter((row) => row !== base.n);
      if (stored.length === rows.length) return base.pick(rows);
      if (rows.indexOf(base.n) !== rows.length - 1)
        throw new RangeError('the appended row can only be picked last, once');
      return appendRow(base.pick(stored), vector);
    },
    async read(offset, columns, into) {
      requireSpan(this, offset, columns, into);
      if (base.n > 0) await base.read(offset, columns, into.subarray(0, base.n * columns));
      into.set(vector.subarray(offset, offset + columns), base.n * columns);
    },
  };
}

/** The same rows, but with one value for all of them at these coordinates. Shape [n, d]. */
export function replacedColumns(base: UpdateBlocks, values: ReadonlyMap<number, number>): UpdateBlocks {
  const places = Uint32Array.from(values.keys()).sort();
  const { n, d } = base;
  return {
    ...{ n, d, precision: 'float64' },
    pick: (rows) => replacedColumns(base.pick(rows), values),
    async read(offset, columns, into) {
      requireSpan(this, offset, columns, into);
      await base.read(offset, columns, into);
      const first = places.findIndex((place) => place >= offset);
      for (let at = first; at !== -1 && at < places.length; at++) {
        const place = places[at] as number;
        if (place >= offset + columns) break;
        for (let row = 0; row < n; row++) into[row * columns + place - offset] = values.get(place) as number;
      }
    },
  };
}

/** Each row the sum of base rows that its entry says. Shape [rowSums.length, d]. */
export function sumView(base: UpdateBlocks, rowSums: readonly RowSum[]): UpdateBlocks {
  return {
    n: rowSums.length,
    d: base.d,
    precision: 'float64',
    madeFrom: { base, rowSums },
    pick(rows) {
      const picked = rows.map((row) => rowOf(rowSums, row));
      return onlyNeeded(base, picked);
    },
    async read(offset, columns, into) {
      requireSpan(this, offset, columns, into);
      if (base.precision === 'float32' && rowSums.length === base.n && rowSums.every(isOwnRow)) {
        // As below, but where the values lie: stored ones are exact in either array.
        await base.read(offset, columns, into);
        for (const [row, { factors }] of rowSums.entries()) scale(into, row * columns, columns, factors[0] as number);
        return;
      }
      const block = blockBuffer(base, columns);
      await base.read(offset, columns, block);
      rowSums.forEach((rowSum, row) => {
        addUp(rowSum, block, columns, into, row * columns);
      });
    },
  };
}

/** A view that reads only the base rows which its own rows are made of. */
function onlyNeeded(base: UpdateBlocks, rowSums: readonly RowSum[]): UpdateBlocks {
  const needed = [...new Set(rowSums.flatMap(({ members }) => members))].sort((a, b) => a - b);
  const place = new Map(needed.map((row, at) => [row, at]));
  const moved = rowSums.map((rowSum) => ({
    ...rowSum,
    members: rowSum.members.map((row) => place.get(row) as number),
  }));
  return sumView(base.pick(needed), moved);
}

function isOwnRow({ members, divisor }: RowSum, row: number): boolean {
  return members.length === 1 && members[0] === row && divisor === 1;
}

/** What adding the product to 0 gives, as sums of more rows begin: no zero keeps its sign. */
function scale(values: BlockValues, at: number, count: number, factor: number): void {
  for (let j = at; j < at + count; j++) values[j] = 0 + factor * (values[j] as number);
}

function addUp(rowSum: RowSum, block: BlockValues, columns: number, into: BlockValues, at: number): void {
  const sum = new Float64Array(columns);
  rowSum.members.forEach((member, t) => {
    const factor = rowSum.factors[t] as number;
    const start = member * columns;
    for (let j = 0; j < columns; j++) sum[j] = (sum[j] as number) + factor * (block[start + j] as number);
  });
  if (rowSum.divisor !== 1) for (let j = 0; j < columns; j++) sum[j] = (sum[j] as number) / rowSum.divisor;
  into.set(sum, at);
}
