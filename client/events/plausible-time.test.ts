import { describe, expect, it } from 'vitest';
import { isPlausibleTime } from './plausible-time.ts';

describe('isPlausibleTime', () => {
  it.each([
    ['2000-01-01T00:00:00Z', true],
    ['2026-11-28T20:00:00Z', true],
    ['2099-12-31T23:59:59Z', true],
    ['1999-12-31T23:59:59Z', false],
    ['1970-01-01T00:00:00Z', false],
    ['2100-01-01T00:00:00Z', false],
    ['2999-01-01T00:00:00Z', false],
    ['no time', false],
  ])('says of %s: %s', (text, expected) => {
    expect(isPlausibleTime(Date.parse(text))).toBe(expected);
  });
});
