import { expect, it, onTestFinished } from 'vitest';
import { MovedTimers } from '../testing/moved-timers.ts';
import { keepRenewed } from './keep-renewed.ts';

const minuteMs = 60_000;
const dayMs = 86_400_000;
const lifetimeMs = 9 * dayMs;

/** A certificate of nine days under a clock that goes by minutes, and that may be set. */
function keep(isBroken: () => boolean = () => false) {
  const moved = new MovedTimers();
  let setByMs = 0;
  const timers = { ...moved, now: () => moved.now() + setByMs };
  const failures: unknown[] = [];
  const issued: number[] = [];
  const made = () => ({ issuedAtMs: timers.now(), expiresAtMs: timers.now() + lifetimeMs });
  const stop = keepRenewed({
    first: made(),
    timers,
    issue: async () => {
      if (isBroken()) throw new Error('no');
      return made();
    },
    replace: ({ issuedAtMs }) => issued.push(issuedAtMs),
    failed: (error) => failures.push(error),
  });
  onTestFinished(stop);
  /** A look issues beside the timer that asks for it. */
  const pass = async (ms: number) => {
    moved.pass(ms);
    for (let turn = 0; turn < 10; turn++) await undefined;
  };
  return { pass, set: (ms: number) => (setByMs += ms), issued, failures, stop, timers };
}

it('issues anew at two thirds of a life, and not again before two thirds of the next', async () => {
  const { pass, issued } = keep();
  await pass(6 * dayMs - 2 * minuteMs);
  expect(issued).toHaveLength(0);
  await pass(3 * minuteMs);
  expect(issued).toHaveLength(1);
  await pass(6 * dayMs - 3 * minuteMs);
  expect(issued).toHaveLength(1);
  await pass(4 * minuteMs);
  expect(issued).toHaveLength(2);
});

it.each([
  ['forward past its end', 40 * dayMs, 1],
  ['forward to two thirds of it', 6 * dayMs, 1],
  ['back before its beginning', -40 * dayMs, 1],
  ['forward a little', dayMs, 0],
  ['back by what backdating covers', -minuteMs / 2, 0],
])('issues within a minute where the clock was set %s', async (_, byMs, count) => {
  const { pass, set, issued, timers } = keep();
  set(byMs);
  await pass(minuteMs);
  expect(issued).toHaveLength(count);
  for (const atMs of issued) expect(Math.abs(atMs - timers.now())).toBeLessThan(minuteMs);
  await pass(minuteMs);
  expect(issued).toHaveLength(count);
});

it('tries again each minute what failed, says so each time, and nothing after its end', async () => {
  let isBroken = true;
  const { pass, set, issued, failures, stop } = keep(() => isBroken);
  set(40 * dayMs);
  await pass(minuteMs);
  await pass(minuteMs);
  expect([issued.length, failures.length]).toEqual([0, 2]);
  isBroken = false;
  await pass(minuteMs);
  expect([issued.length, failures.length]).toEqual([1, 2]);
  stop();
  set(40 * dayMs);
  await pass(10 * minuteMs);
  expect(issued).toHaveLength(1);
});
