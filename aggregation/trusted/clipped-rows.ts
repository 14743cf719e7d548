import type { UpdateBlocks } from '../blocks/blocks.ts';
import { columnsIn, joinColumns, joinRows } from '../blocks/columns.ts';
import { scaledRows, sumView } from '../blocks/views.ts';
import type { ColumnRange } from '../class-blocks.ts';
import type { LinearAlgebra } from '../linear-algebra.ts';
import { squaredNormsOf } from '../updates.ts';

/**
 * `times`: no row is longer than so many times the median row. With `inside` (shape [n, d], the part of every row that
 * changes outputs on the sample) the two parts are clipped apart: inside to `times` the median of such parts, outside, where
 * the sample is blind, to the median itself. Each of `blocks` is clipped by itself.
 */
export type Clipping = Readonly<{
  times: number;
  inside?: UpdateBlocks;
  blocks: readonly (readonly ColumnRange[])[];
}>;

/**
 * Row i times factors[i], the product not carried out: rows that are stored stay so, and are read at their own speed. `norms`: of
 * every row in each of the blocks before clipping, shape [n] each; absent where parts were clipped apart.
 */
export type Scaled = Readonly<{ rows: UpdateBlocks; factors: Float64Array; norms?: readonly Float64Array[] }>;

/**
 * Rows clipped to a multiple of the median norm: x_i ← x_i · min(1, times · median / ‖x_i‖). The median norm is an honest
 * one as long as f < n / 2, and no row is longer than `times` of it whatever f is. Shapes: [n, d] → [n, d]. O(nd).
 */
export async function clippedToMedian(
  algebra: LinearAlgebra,
  rows: UpdateBlocks,
  { times, inside, blocks }: Clipping,
): Promise<Scaled> {
  if (inside === undefined && blocks.length === 1) {
    const norms = await normsOf(algebra, rows);
    return { rows, factors: factorsOf(norms, times), norms: [norms] };
  }
  const parts = [];
  const norms: Float64Array[] = [];
  for (const ranges of blocks) {
    const part = columnsIn(rows, ranges);
    if (inside === undefined) {
      const found = await normsOf(algebra, part);
      norms.push(found);
      parts.push({ ranges, source: scaledRows(part, factorsOf(found, times)) });
    } else parts.push({ ranges, source: await clippedApart(algebra, part, columnsIn(inside, ranges), times) });
  }
  const factors = new Float64Array(rows.n).fill(1);
  return { rows: joinColumns(rows.d, parts), factors, ...(inside === undefined && { norms }) };
}

/** x = in + out becomes a · in + b · out, computed as b · x + (a − b) · in. */
async function clippedApart(
  algebra: LinearAlgebra,
  rows: UpdateBlocks,
  inside: UpdateBlocks,
  times: number,
): Promise<UpdateBlocks> {
  const { n } = rows;
  const both = joinRows(rows, inside);
  const pair = (row: number, factors: readonly number[]) => ({ members: [row, n + row], factors, divisor: 1 });
  const every = [...Array(n).keys()];
  const outside = sumView(both, every.map((row) => pair(row, [1, -1]))); // biome-ignore format: one line
  const [near, far] = [factorsOf(await normsOf(algebra, inside), times), factorsOf(await normsOf(algebra, outside), 1)];
  return sumView(
    both,
    every.map((row) => pair(row, [at(far, row), at(near, row) - at(far, row)])),
  );
}

async function normsOf(algebra: LinearAlgebra, rows: UpdateBlocks): Promise<Float64Array> {
  return (await squaredNormsOf(algebra, rows)).map(Math.sqrt);
}

function factorsOf(norms: Float64Array, times: number): Float64Array {
  const limit = times * medianOf(norms);
  return norms.map((norm) => (norm > limit ? limit / norm : 1));
}

/** For an even count the mean of the two middle ones. */
export function medianOf(values: Float64Array): number {
  const sorted = values.toSorted();
  const upper = at(sorted, sorted.length >> 1);
  return sorted.length % 2 === 1 ? upper : (at(sorted, (sorted.length >> 1) - 1) + upper) / 2;
}

function at(values: Float64Array, index: number): number {
  return values[index] as number;
}
