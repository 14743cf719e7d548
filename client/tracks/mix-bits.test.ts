import { expect, it } from 'vitest';
import { mixBits } from './mix-bits.ts';

it('finishes as MurmurHash3 does: its published values of the empty key are finished seeds', () => {
  expect(mixBits(0)).toBe(0);
  expect(mixBits(1)).toBe(0x514e28b7);
  expect(mixBits(0xffffffff)).toBe(0x81f16f39);
  expect(mixBits(-1)).toBe(0x81f16f39);
});
