import { setTimeout } from 'node:timers/promises';
import { Queue } from 'bullmq';
import { expect, it, onTestFinished } from 'vitest';
import { unwrap } from '../../../base/fault.ts';
import { systemTimers } from '../../../base/system-timers.ts';
import { startTcpProxy } from '../../../lab/testing/tcp-proxy.ts';
import { RedisServer } from '../../testing/redis-server.ts';
import { LastingWorker } from './lasting-worker.ts';
import { RedisLink } from './redis-link.ts';

it('a job in hand when Redis returns is brought to its end by who has it, and no other is taken by him', async () => {
  const server = await RedisServer.start();
  const proxy = await startTcpProxy(() => Number(new URL(server.url).port));
  onTestFinished(() => proxy.close());
  const place = { url: `redis://127.0.0.1:${proxy.port}` };
  const options = { place, probeMs: 50, timeoutMs: 1_500, timers: systemTimers, trouble: () => {} };
  const link = unwrap(await RedisLink.open(options));
  onTestFinished(() => link.close());
  const queue = new Queue('jobs', { connection: { url: server.url } });
  onTestFinished(() => queue.close());
  const started: string[] = [];
  const gate = Promise.withResolvers<void>();
  const worker = new LastingWorker('jobs', link, async (job) => {
    started.push(job.name);
    if (job.name === 'first') await gate.promise;
    return `${job.name} is done`;
  });
  onTestFinished(() => worker.close(true));
  const first = await queue.add('first', {});
  while (started.length === 0) await setTimeout(20);
  const returned = new Promise<void>((resolve) => link.onReturn(resolve));
  proxy.cut();
  while (link.isUp) await setTimeout(20);
  proxy.mend();
  await returned;
  const second = await queue.add('second', {});
  while ((await second.getState()) !== 'completed') await setTimeout(20); // By the new one: the old one's hands are full.
  gate.resolve();
  while ((await first.getState()) !== 'completed') await setTimeout(20);
  expect(started).toEqual(['first', 'second']);
  expect((await queue.getJob(first.id as string))?.returnvalue).toBe('first is done');
}, 600_000);
