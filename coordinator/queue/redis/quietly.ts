import type { Queue, Worker } from 'bullmq';

const heard = () => {};

/**
 * Hears what goes wrong on the connections of a BullMQ queue or worker, to their end: the link tells of it. BullMQ takes its own
 * listeners away as it closes, while a connection may be amid an attempt that fails, and ioredis prints what nobody hears.
 */
export function quietly<One extends Queue | Worker>(one: One): One {
  (one as Pick<Queue, 'on'>).on('error', heard);
  const { client, blockingClient } = one.backend;
  for (const each of [client, blockingClient]) each?.then((connected) => void connected.on('error', heard), heard);
  return one;
}
