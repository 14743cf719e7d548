import { expect, it } from 'vitest';
import { SimulatedTimers } from '../../base/simulation/simulated-timers.ts';
import { TimerWaker } from './timer-waker.ts';

it('sets no timer any more once it is closed: a beat that ends late would keep the process alive until a deadline', async () => {
  const timers = new SimulatedTimers();
  const waker = new TimerWaker(timers);
  await waker.start(() => {});
  waker.set({ nextMs: timers.now() + 1_000, schedules: [] });
  expect(timers.nextInMs).toBe(1_000);
  await waker.close();
  waker.set({ nextMs: timers.now() + 3_600_000, schedules: [] });
  expect(timers.nextInMs).toBeNull();
});
