import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { RateLimiter } from '../base/serving/rate-limit.ts';
import { systemTimers } from '../base/system-timers.ts';
import { EnrolmentWay } from './enrolment-way.ts';

const greeting = 'here is the leader';

/** A leader that greets whoever says something, and a way to it for at most four newcomers, three of one address. */
async function start(limiter = new RateLimiter({ burst: 100, refillMs: 1, keysMax: 100 }), onwardMax = 4) {
  const leader = createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', () => socket.write(greeting));
  });
  leader.listen(0, '127.0.0.1');
  await once(leader, 'listening');
  const { port: leaderPort } = leader.address() as { port: number };
  const refused: string[] = [];
  const way = new EnrolmentWay({
    addresses: () => [`127.0.0.1:${leaderPort}`],
    limiter,
    caps: { atOnceMax: 4, perAddressMax: 3, silentMax: 4, perPeerMax: 3, callProves: false },
    onwardMax,
    timers: systemTimers,
    refused: (why) => refused.push(why),
  });
  const port = await way.listen('127.0.0.1:0');
  onTestFinished(async () => {
    await way.close();
    await new Promise((resolve) => leader.close(resolve));
  });
  const arrive = (localAddress: string) => {
    const socket = connect({ host: '127.0.0.1', port, localAddress });
    socket.on('error', () => {});
    onTestFinished(() => void socket.destroy());
    return socket;
  };
  /** Resolves once the leader's greeting has come, or the door has hung up. */
  const come = async (localAddress: string) => {
    const socket = arrive(localAddress);
    socket.write('here I am');
    // A connection that is cut before all that it said was read is reset: an error, and an end as every other.
    const ended = new Promise<'ended'>((resolve) => void socket.once('close', () => resolve('ended')));
    const led = new Promise<string>((resolve) => {
      let said = '';
      socket.on('data', (data) => {
        said += String(data);
        if (said.length >= greeting.length) resolve(said);
      });
    });
    return { said: await Promise.race([led, ended]), ended };
  };
  return { way, refused, arrive, come, leader };
}

it('lets one address crowd out itself alone, as a coordinator does: whoever has most gives way to the others', async () => {
  const { way, refused, come } = await start();
  const held = [await come('127.0.0.2'), await come('127.0.0.2'), await come('127.0.0.2')];
  expect(held.map(({ said }) => said)).toEqual([greeting, greeting, greeting]);
  expect((await come('127.0.0.2')).said).toBe('ended');
  expect((await come('127.0.0.3')).said).toBe(greeting);
  expect(refused).toEqual(['address']);
  // There is no more room: the first one of whoever has most goes, and no other.
  expect((await come('127.0.0.4')).said).toBe(greeting);
  await held[0]?.ended;
  expect(refused).toEqual(['address', 'evicted']);
  expect(way.openCount).toBe(4);
});

it('lets an address begin so often and no more', async () => {
  const { refused, come } = await start(new RateLimiter({ burst: 1, refillMs: 1e9, keysMax: 100 }));
  expect((await come('127.0.0.2')).said).toBe(greeting);
  expect((await come('127.0.0.2')).said).toBe('ended');
  expect((await come('127.0.0.3')).said).toBe(greeting);
  expect(refused).toEqual(['address']);
});

it('has no connection to the leader for who says nothing, and an honest one is served beside a crowd of them', async () => {
  const { way, arrive, come, leader, refused } = await start(undefined, 1);
  let reached = 0;
  leader.on('connection', () => {
    reached += 1;
  });
  for (const address of ['127.0.0.2', '127.0.0.3', '127.0.0.4']) await once(arrive(address), 'connect');
  while (way.openCount < 3) await new Promise(setImmediate);
  expect((await come('127.0.0.5')).said).toBe(greeting);
  expect([reached, refused]).toEqual([1, []]);
});

it('lets the oldest of who has most on its way to the leader give way, where the leader takes no more', async () => {
  const { come, refused } = await start(undefined, 3);
  const other = await come('127.0.0.3');
  const [first, second] = [await come('127.0.0.2'), await come('127.0.0.2')];
  expect((await come('127.0.0.4')).said).toBe(greeting);
  await first.ended;
  expect(refused).toEqual(['evicted']);
  expect([other.said, second.said]).toEqual([greeting, greeting]);
});
