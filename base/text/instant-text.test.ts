import { expect, it } from 'vitest';
import { instantText } from './instant-text.ts';
import { time } from './table.ts';

it.each([
  [1_796_000_000_123, '2026-11-30T00:53:20.123Z', '2026-11-30T00:53:20Z'],
  [8.64e15, '+275760-09-13T00:00:00.000Z', '+275760-09-13T00:00:00Z'],
  [8.64e15 + 1, '8640000000000001 ms', '8640000000000001 ms'],
  [Number.MAX_SAFE_INTEGER, '9007199254740991 ms', '9007199254740991 ms'],
  [Number.NaN, 'NaN ms', 'NaN ms'],
])('writes %d ms as a date where there is one, and as a number where there is none', (ms, text, short) => {
  expect(instantText(ms)).toBe(text);
  expect(time(ms)).toBe(short);
});
