import { expect, it } from 'vitest';
import { unwrap } from '../base/fault.ts';
import { seededNumbers } from '../base/random.ts';
import { memoryBlocks } from './blocks/blocks.ts';
import { geometryOf } from './geometry.ts';
import { addDot, addSquaredDistance, chunkColumns } from './ordered-sums.ts';

it('how rows lie to a point is the sum of its parts, to the bit, wherever slots end', async () => {
  const numbers = seededNumbers('geometry');
  const lengths = [1, 2, 3, 1030, 2, 4 * chunkColumns, 7];
  const d = lengths.reduce((sum, length) => sum + length, 0);
  const slots = lengths.map((length, at) => {
    return { name: `t${at}`, offset: lengths.slice(0, at).reduce((sum, before) => sum + before, 0), length };
  });
  const rows = Array.from({ length: 3 }, () => Float32Array.from({ length: d }, () => numbers.normal()));
  const point = Float64Array.from({ length: d }, () => numbers.normal());
  const found = await geometryOf(unwrap(memoryBlocks(rows)), point, slots);

  const pieces = slots.flatMap(({ offset, length }, slot) => {
    const cut: { slot: number; at: number; count: number }[] = [];
    for (let at = offset; at < offset + length; ) {
      const end = Math.min(offset + length, at - (at % chunkColumns) + chunkColumns);
      cut.push({ slot, at, count: end - at });
      at = end;
    }
    return cut;
  });
  for (const [row, values] of rows.entries()) {
    const squared = new Float64Array(slots.length);
    let dot = 0;
    for (const { slot, at, count } of pieces) {
      dot = addDot(dot, values, at, point, at, count);
      squared[slot] = addSquaredDistance(squared[slot] as number, values, at, point, at, count);
    }
    expect(found.dots[row]).toBe(dot);
    expect([...found.squaredDistances.subarray(row * slots.length, (row + 1) * slots.length)]).toEqual([...squared]);
  }
});
