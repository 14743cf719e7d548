import { expect, it } from 'vitest';
import type { ClusterId } from '../../../proto/ids.ts';
import { AlertBoard } from './alert-board.ts';

const hourMs = 3_600_000;
const nowMs = 1_000 * hourMs;
const [a, b] = ['a', 'b'] as ClusterId[] as [ClusterId, ClusterId];
const one = { track: 'syscall', hourMs: nowMs, family: 'reverse_shell', count: 2 };

it('keeps what a cluster told last, for a day, and of hours that can be', () => {
  const board = new AlertBoard();
  const old = { ...one, hourMs: nowMs - 30 * hourMs };
  const tomorrow = { ...one, hourMs: nowMs + 24 * hourMs };
  expect(board.hear(a, [one, old, tomorrow], nowMs).ok).toBe(true);
  expect(board.of(a, nowMs)).toEqual([one]);
  expect(board.of(b, nowMs)).toEqual([]);
  const sensors = { count: 12, sampled: 2, dangerous: 0, behind: 1, blind: 0 };
  expect(board.hear(b, [], nowMs, sensors).ok).toBe(true);
  expect(board.hear(b, [], nowMs, { ...sensors, count: 1e9 })).toMatchObject({ fault: { code: 'REQUEST_INVALID' } });
  expect([board.sensorsOf(b), board.sensorsOf(a)]).toEqual([sensors, undefined]);
  expect(board.of(a, nowMs + 26 * hourMs)).toEqual([]);
  board.hear(a, [], nowMs);
  expect(board.of(a, nowMs)).toEqual([]);
});

it('refuses what is no name and what is too much, and keeps what was there', () => {
  const board = new AlertBoard();
  board.hear(a, [one], nowMs);
  for (const wrong of [
    { ...one, family: 'x\n<script>' },
    { ...one, track: '../x' },
    { ...one, count: 1e12 },
  ]) {
    expect(board.hear(a, [wrong], nowMs)).toMatchObject({ fault: { code: 'REQUEST_INVALID' } });
  }
  expect(
    board.hear(
      a,
      Array.from({ length: 2_049 }, () => one),
      nowMs,
    ),
  ).toMatchObject({ ok: false });
  expect(board.of(a, nowMs)).toEqual([one]);
});
