import { expect, it } from 'vitest';
import { RiskBoard } from './risk-board.ts';

const subject = (pod: string) => ({ namespace: 'shop', workload: 'cart', workloadClass: 'nginx', pod });

it('a workload is as risky as its riskiest pod of the last minute, track by track', () => {
  let nowMs = 0;
  const board = new RiskBoard(() => nowMs);
  expect(board.of('syscall', 'shop', 'cart')).toBeUndefined();
  board.hear('syscall', subject('a'), 0.2);
  board.hear('syscall', subject('b'), 1.5);
  board.hear('syscall', subject('b'), 0.1);
  board.hear('flow', subject('b'), 9);
  expect(board.of('syscall', 'shop', 'cart')).toBe(1.5);
  expect(board.of('syscall', 'shop', 'other')).toBeUndefined();
  // A quiet minute later the peak has passed.
  nowMs = 60_001;
  board.hear('syscall', subject('b'), 0.3);
  expect(board.of('syscall', 'shop', 'cart')).toBe(0.3);
});

it('forgets what was heard least recently, and knows every other of its 20,000 pods by workload', () => {
  const board = new RiskBoard(() => 0);
  const one = (index: number) => ({ namespace: 'shop', workload: `w${index}`, workloadClass: 'nginx', pod: 'p' });
  for (let index = 0; index < 20_000; index += 1) board.hear('syscall', one(index), index);
  board.hear('syscall', one(0), 7); // Heard again: the second is the oldest now.
  board.hear('syscall', { ...one(2), pod: 'q' }, 9);
  expect([0, 1, 2, 19_999].map((index) => board.of('syscall', 'shop', `w${index}`))).toEqual([7, undefined, 9, 19_999]);
});
