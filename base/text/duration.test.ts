import { expect, it } from 'vitest';
import { durationText } from './duration.ts';

it('durationText says the two largest units, and no smaller one beside a gap', () => {
  const secondMs = 1_000;
  expect(durationText(0)).toBe('0 s');
  expect(durationText(-5)).toBe('0 s');
  expect(durationText(90 * secondMs)).toBe('1 min 30 s');
  expect(durationText(3_600 * secondMs)).toBe('1 h');
  expect(durationText(3_605 * secondMs)).toBe('1 h');
  expect(durationText(3 * 86_400 * secondMs + 2 * 3_600 * secondMs + 61 * secondMs)).toBe('3 d 2 h');
  expect(durationText(59_999)).toBe('1 min');
});
