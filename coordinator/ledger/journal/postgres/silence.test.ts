import { expect, it } from 'vitest';
import { noHead } from '../walk.ts';
import type { Fence } from './rows.ts';
import { lookEveryMs, Silence } from './silence.ts';

const leaseMs = 4_000;
const held: Fence = { epoch: 3, holder: 'one', beat: 7, leaseMs, movedTo: null, head: noHead };

/** Who looks, by a clock that only the test moves. */
function looker() {
  let nowMs = 1_000_000;
  const silence = new Silence(() => nowMs);
  /** A look that began `pausedMs` after the last ended, and was answered after `answeredMs`. */
  const look = (fence: Fence, pausedMs = 0, answeredMs = 0) => {
    nowMs += pausedMs;
    silence.asks();
    nowMs += answeredMs;
    return silence.look(fence);
  };
  const unanswered = (forMs: number) => {
    silence.asks();
    nowMs += forMs;
    silence.isUnanswered();
  };
  return { look, unanswered };
}

it('what nobody holds is free at the first look', () => {
  expect(looker().look({ ...held, holder: '' })).toBe('free');
});

it('one look says nothing of who holds it, however long ago the clock began', () => {
  expect(looker().look(held, leaseMs, leaseMs)).toBe('quiet');
});

it.each([
  ['another beat', { ...held, beat: 8 }],
  ['another epoch', { ...held, epoch: 4 }],
  ['a beat that went back, of a journal that was restored', { ...held, beat: 6 }],
])('%s is a sign of life, and the silence begins anew', (_, next) => {
  const { look } = looker();
  look(held);
  expect(look(held, leaseMs / 2)).toBe('quiet');
  expect(look(next, leaseMs / 2)).toBe('beats');
  expect(look(next, leaseMs / 2)).toBe('quiet');
  expect(look(next, leaseMs / 2 - 1)).toBe('quiet');
  expect(look(next, 1)).toBe('free');
});

it('waits are silence, to half the lease each: a machine that stood still says nothing of the writer', () => {
  const { look } = looker();
  look(held);
  expect(look(held, 100 * leaseMs)).toBe('quiet');
  expect(look(held, leaseMs / 2 - 1)).toBe('quiet');
  expect(look(held, 1)).toBe('free');
});

it('a question that took long is the silence of two looks', () => {
  const { look } = looker();
  look(held);
  const answers = leaseMs / (2 * lookEveryMs);
  for (let count = 1; count < answers; count++) expect(look(held, 0, 60_000)).toBe('quiet');
  expect(look(held, 0, 2 * lookEveryMs - 1)).toBe('quiet');
  expect(look(held, 1)).toBe('free');
});

it('a question that had no answer is nobody’s silence', () => {
  const { look, unanswered } = looker();
  look(held);
  for (let count = 0; count < 50; count++) unanswered(leaseMs);
  expect(look(held, leaseMs / 2)).toBe('quiet');
  expect(look(held, leaseMs / 2)).toBe('free');
});

it('goes by the lease that the writer wrote down, not by one of its own', () => {
  const { look } = looker();
  const hasty = { ...held, leaseMs: 2 * lookEveryMs };
  look(hasty);
  expect(look(hasty, lookEveryMs)).toBe('quiet');
  expect(look(hasty, lookEveryMs)).toBe('free');
});
