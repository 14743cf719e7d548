import { Queue } from 'bullmq';
import { expect, it, onTestFinished } from 'vitest';
import { unwrap } from '../../../base/fault.ts';
import { SimulatedTimers } from '../../../base/simulation/simulated-timers.ts';
import { systemTimers } from '../../../base/system-timers.ts';
import { RedisServer } from '../../testing/redis-server.ts';
import { federation } from '../../testing/small-federation.ts';
import { RedisLink } from './redis-link.ts';
import { RedisWaker } from './redis-waker.ts';

it('says its alarms again to a Redis that was emptied, however far its clock was set back meanwhile', async () => {
  const server = await RedisServer.start();
  const link = unwrap(await RedisLink.open({ place: server, timers: systemTimers, trouble: () => {} }));
  onTestFinished(() => link.close());
  const timers = new SimulatedTimers(Date.UTC(2027, 0, 1));
  const waker = new RedisWaker(link, federation, timers);
  onTestFinished(() => waker.close());
  const queue = new Queue(`testudo.${federation}.wake`, { connection: link.producer });
  onTestFinished(() => queue.close());
  const nextMs = Date.UTC(2028, 0, 1);
  const deadlines = async () => (await queue.getDelayed()).map(({ id }) => id);
  waker.set({ nextMs, schedules: [] });
  await expect.poll(deadlines, { timeout: 60_000 }).toEqual([`at.${nextMs}`]);
  await queue.obliterate({ force: true });
  timers.setWallClock(Date.UTC(2026, 0, 1));
  await timers.advance(5_000);
  await expect
    .poll(
      () => {
        waker.set({ nextMs, schedules: [] }); // As the engine does at each look.
        return deadlines();
      },
      { timeout: 60_000 },
    )
    .toEqual([`at.${nextMs}`]);
}, 600_000);
