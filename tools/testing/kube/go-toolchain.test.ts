import { describe, expect, it } from 'vitest';
import { isNewEnough } from './go-toolchain.mjs';

describe('isNewEnough', () => {
  it.each([
    ['go1.26.0', true],
    ['go1.26.8\n', true],
    ['go1.27rc1', true],
    ['go2.0', true],
    ['go1.25.9', false],
    ['go1.9', false],
    ['devel +abc', false],
    ['', false],
  ])('takes %j: %s', (version, enough) => {
    expect(isNewEnough(version)).toBe(enough);
  });
});
