import type { ColumnRange } from '../class-blocks.ts';

/** Values at some coordinates of the flat update, those of the ranges one after another; shape [Σ length]. */
export type BlockValues = Readonly<{ ranges: readonly ColumnRange[]; values: Float64Array }>;

/** The delta with `scale` times the block's values at its ranges, whatever stood there. Shape [d] → [d]. */
export function placed(delta: Float64Array, block: BlockValues, scale: number): Float64Array {
  return allPlaced(delta, [block], scale);
}

/** The delta with `scale` times the values of all blocks at their ranges. Shape [d] → [d]. */
export function allPlaced(delta: Float64Array, blocks: readonly BlockValues[], scale: number): Float64Array {
  const moved = delta.slice();
  for (const { ranges, values } of blocks) {
    let at = 0;
    for (const { offset, length } of ranges) {
      for (let j = 0; j < length; j++) moved[offset + j] = scale * (values[at++] as number);
    }
  }
  return moved;
}

/** What a vector of shape [d] has at the ranges, one after another. */
export function gathered(vector: ArrayLike<number>, ranges: readonly ColumnRange[]): Float64Array {
  const values = new Float64Array(ranges.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const { offset, length } of ranges) {
    for (let j = 0; j < length; j++) values[at++] = vector[offset + j] as number;
  }
  return values;
}
