import { expect, it } from 'vitest';
import { RepeatedTrouble } from './repeated-trouble.ts';

it('says trouble when it begins, once a minute with how much there was, when it changes, and when it is over', () => {
  const trouble = new RepeatedTrouble(60_000);
  expect(trouble.over('syscall')).toBeUndefined();
  expect(trouble.again('syscall', 'FULL', 64, 0)).toBe(64);
  for (let second = 1; second < 60; second++)
    expect(trouble.again('syscall', 'FULL', 2, second * 1_000)).toBeUndefined();
  expect(trouble.again('flow', 'FULL', 1, 59_000)).toBe(1);
  expect(trouble.again('syscall', 'FULL', 2, 60_000)).toBe(120);
  expect(trouble.again('syscall', 'FULL', 5, 61_000)).toBeUndefined();
  expect(trouble.again('syscall', 'UNUSABLE', 3, 62_000)).toBe(3);
  expect(trouble.again('syscall', 'UNUSABLE', 4, 63_000)).toBeUndefined();
  expect(trouble.over('syscall')).toBe(4);
  expect(trouble.over('syscall')).toBeUndefined();
  expect(trouble.again('syscall', 'FULL', 9, 64_000)).toBe(9);
});
