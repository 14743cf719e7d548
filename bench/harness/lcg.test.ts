import { expect, test } from 'vitest';
import { inputSha256, lcgMatrix } from './lcg.ts';

test.each([
  [8, 2, 1000, 7, '41c56722841f12c9d31eabae613de0a880233aaad0b4be3fc0b3ffbf957eeeb8'],
  [5, 1, 37, 3, 'fa451ccbc252ec88d3b2d6ec3247c09c205e5efdb909fbc78f1943965d8b5f1d'],
])('lcgMatrix › has the bits that lcg.py prints for %i %i %i %i', (n, f, d, seed, sha256) => {
  expect(inputSha256(lcgMatrix(n, f, d, seed))).toBe(sha256);
});
