import { blockBuffer, columnsPerBlock, spans, type UpdateBlocks } from './blocks/blocks.ts';
import { addDot, addDotAndSquaredDistance, chunkColumns, wholeChunks } from './ordered-sums.ts';
import type { Sketch } from './places/sketch.ts';

/** Where a named tensor lies in the flat update; as in proto's layout. */
export type TensorSlot = Readonly<{ name: string; offset: number; length: number }>;

/**
 * How rows lie to a point. `squaredDistances[row * slots + slot]`: ‖x_row − point‖² within that slot. `dots[row]`:
 * x_row · point. `squaredNorm`: ‖point‖².
 */
export type Geometry = Readonly<{ squaredDistances: Float64Array; dots: Float64Array; squaredNorm: number }>;

/** Columns of one chunk and one slot. */
export type Piece = Readonly<{ at: number; length: number; slot: number }>;

/**
 * One pass over source [n, d] beside point [d]; slots must cover [0, d) in ascending order without gaps. Exact: sums are
 * cut at chunk and slot boundaries, never at those of the blocks read. `sketch`, of n + 1 rows, gets the rows and the point on the way.
 */
export async function geometryOf(
  source: UpdateBlocks,
  point: Float64Array,
  slots: readonly TensorSlot[],
  sketch?: Sketch,
): Promise<Geometry> {
  const { n, d } = source;
  const columns = Math.min(d, wholeChunks(columnsPerBlock(source)));
  const block = blockBuffer(source, columns);
  const squaredDistances = new Float64Array(n * slots.length);
  const dots = new Float64Array(n);
  let squaredNorm = 0;
  for (const [offset, count] of spans(d, columns)) {
    await source.read(offset, count, block);
    for (const { at, length, slot } of piecesOf(slots, offset, offset + count)) {
      squaredNorm = addDot(squaredNorm, point, at, point, at, length);
      sketch?.add(n, at, point, at, length);
      for (let row = 0; row < n; row++) {
        const start = row * count + at - offset;
        const cell = row * slots.length + slot;
        addDotAndSquaredDistance(dots, row, squaredDistances, cell, block, start, point, at, length);
        sketch?.add(row, at, block, start, length);
      }
    }
  }
  return { squaredDistances, dots, squaredNorm };
}

/** Columns [from, to) cut where a chunk or a slot ends. */
export function* piecesOf(slots: readonly TensorSlot[], from: number, to: number): Generator<Piece> {
  let slot = 0;
  const endOfSlot = () => (slots[slot] as TensorSlot).offset + (slots[slot] as TensorSlot).length;
  for (let at = from; at < to; ) {
    while (endOfSlot() <= at) slot++;
    const end = Math.min(to, endOfSlot(), at - (at % chunkColumns) + chunkColumns);
    yield { at, length: end - at, slot };
    at = end;
  }
}
