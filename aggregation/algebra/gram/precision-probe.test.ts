import { expect, test } from 'vitest';
import { type BlockMultiplier, blockMultiplier } from './matmul.ts';
import { worstErrorInUnits } from './precision-probe.ts';

test('worstErrorInUnits › stays far below float32’s limit of 96 for the native multiplication', () => {
  expect(worstErrorInUnits(blockMultiplier())).toBeLessThan(40);
});

test('worstErrorInUnits › gives away a multiplication that rounds its inputs to bfloat16', () => {
  const native = blockMultiplier();
  const bfloat16: BlockMultiplier = {
    ...native,
    hold(values, strips, rows) {
      const bits = new Uint32Array(values.slice().buffer);
      for (let at = 0; at < bits.length; at++) bits[at] = ((bits[at] as number) + 0x8000) & 0xffff0000;
      return native.hold(new Float32Array(bits.buffer), strips, rows);
    },
  };
  expect(worstErrorInUnits(bfloat16)).toBeGreaterThan(800);
});
