import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import { SimulatedTimers } from '../../../base/simulation/simulated-timers.ts';
import { systemTimers } from '../../../base/system-timers.ts';
import type { Timers } from '../../../base/time.ts';
import { type ConnectionCaps, type ConnectionRefusal, Connections } from './connections.ts';

const hourMs = 3_600_000;
const roomy: ConnectionCaps = {
  atOnceMax: 100,
  perAddressMax: 100,
  silentMax: 100,
  perPeerMax: 100,
  silentMs: hourMs,
  callProves: true,
};

/** Connections behind a real socket on loopback. */
async function opened(
  caps: Partial<ConnectionCaps>,
  timers: Timers = systemTimers,
  onBegin: (socket: Socket) => void = () => {},
) {
  const refusals: ConnectionRefusal[] = [];
  const refused = (why: ConnectionRefusal) => void refusals.push(why);
  const connections = new Connections({ caps: { ...roomy, ...caps }, timers, refused });
  const answers: boolean[] = [];
  const server = createServer({ pauseOnConnect: true }, (socket) => {
    const begin = () => {
      onBegin(socket);
      socket.resume();
      socket.write('seen');
    };
    answers.push(connections.admit(socket, begin));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  onTestFinished(() => {
    connections.end();
    server.close();
  });
  /** Comes from 127.0.0.`last`; resolves when it was let in or cut. */
  const come = async (last: number): Promise<Socket> => {
    const socket = connect({ port, host: '127.0.0.1', localAddress: `127.0.0.${last}` });
    socket.on('error', () => {});
    onTestFinished(() => void socket.destroy());
    await Promise.race([once(socket, 'data'), once(socket, 'close')]);
    return socket;
  };
  const call = ({ localAddress, localPort }: Socket, name: string) =>
    connections.called(localAddress, localPort, () => name);
  /** As `come`, once it is counted: one that waits for its turn is neither let in nor cut. */
  const queue = async (last: number): Promise<Socket> => {
    const before = connections.waitingCount;
    const socket = connect({ port, host: '127.0.0.1', localAddress: `127.0.0.${last}` });
    socket.on('error', () => {});
    onTestFinished(() => void socket.destroy());
    while (connections.waitingCount === before) await nextTurn();
    return socket;
  };
  return { connections, refusals, answers, come, queue, call };
}

/** Resolves when the peer has cut it. */
async function cut(socket: Socket): Promise<void> {
  if (!socket.closed) await once(socket, 'close');
}

describe('Connections', () => {
  it('takes so many of one address and no more, and one more when one has gone', async () => {
    const { connections, answers, refusals, come } = await opened({ perAddressMax: 2 });
    const [first] = [await come(1), await come(1)];
    await cut(await come(1));
    expect(answers).toEqual([true, true, false]);
    await come(2);
    expect(refusals).toEqual(['address']);
    first.destroy();
    while (connections.openCount > 2) await nextTurn();
    await come(1);
    expect(answers).toEqual([true, true, false, true, true]);
    expect(connections.openCount).toBe(3);
  });

  it('lets the oldest of the greediest address give way when there is no room', async () => {
    const { connections, refusals, come } = await opened({ atOnceMax: 4 });
    const quiet = await come(2);
    const greedy = [await come(1), await come(1), await come(1)];
    const late = await come(3);
    await cut(greedy[0] as Socket);
    expect([quiet, late, greedy[1], greedy[2]].map((socket) => socket?.closed)).toEqual([false, false, false, false]);
    expect(refusals).toEqual(['evicted']);
    expect(connections.unprovenCount).toBeLessThanOrEqual(4);
  });

  it('never cuts one that has proven who it is for one that has not, and refuses instead', async () => {
    const { come, call, refusals, answers } = await opened({ atOnceMax: 2 });
    const members = [await come(1), await come(1)];
    for (const member of members) expect(call(member, 'a')).toBe('a');
    await cut(await come(2));
    expect(members.map(({ closed }) => closed)).toEqual([false, false]);
    expect([answers, refusals]).toEqual([[true, true, false], ['full']]);
  });

  it('takes so many of one peer and no more, whatever addresses it comes from', async () => {
    const { come, call, refusals, connections } = await opened({ perPeerMax: 2 });
    const [first, second] = [await come(1), await come(2)];
    for (const socket of [first, second, first]) call(socket, 'a');
    const third = await come(3);
    call(third, 'a');
    await cut(third);
    expect(refusals).toEqual(['peer']);
    call(await come(3), 'b');
    first.destroy();
    while (connections.openCount > 2) await nextTurn();
    const fourth = await come(1);
    call(fourth, 'a');
    expect([fourth.closed, second.closed, refusals.length]).toEqual([false, false, 1]);
  });

  it('bounds those that say nothing apart from the others', async () => {
    const { come, call, connections } = await opened({ silentMax: 1 });
    for (let count = 0; count < 5; count++) call(await come(1), 'a');
    const first = await come(1);
    await come(1);
    await cut(first);
    expect(connections.openCount).toBe(6);
    expect(connections.unprovenCount).toBe(1);
  });

  it('lets all give way where a call proves nothing', async () => {
    const { come, call, refusals } = await opened({ atOnceMax: 1, callProves: false });
    const first = await come(1);
    call(first, 'anyone');
    await come(2);
    await cut(first);
    expect(refusals).toEqual(['evicted']);
  });

  it('ends one that makes no call in time, and forgets it', async () => {
    const { come, call, refusals, connections } = await opened({ silentMs: 50 });
    const caller = await come(1);
    call(caller, 'a');
    await cut(await come(1));
    expect(refusals).toEqual(['silent']);
    while (connections.openCount > 1) await nextTurn();
    expect([caller.closed, connections.unprovenCount]).toEqual([false, 0]);
  });

  it('asks once who is there', async () => {
    const { come, connections } = await opened({});
    const { localAddress, localPort } = await come(1);
    let asked = 0;
    const whoIs = () => `peer ${++asked}`;
    const peers = [1, 2, 3].map(() => connections.called(localAddress, localPort, whoIs));
    expect(peers).toEqual(['peer 1', 'peer 1', 'peer 1']);
  });

  it('begins so many at once, the newest next when one has called or gone, and addresses take turns', async () => {
    const { connections, come, queue, call, refusals } = await opened({ handshakesMax: 2, silentMax: 2 });
    const first = await come(1);
    const second = await come(1);
    const begun: string[] = [];
    for (const [last, name] of [
      [1, 'a'],
      [1, 'b'],
      [1, 'c'],
      [2, 'd'],
    ] as const) {
      (await queue(last)).once('data', () => begun.push(name));
    }
    expect([connections.waitingCount, begun]).toEqual([4, []]);
    call(first, 'one');
    call(first, 'one');
    while (begun.length < 1) await nextTurn();
    second.destroy(); // Amid its handshake.
    while (begun.length < 2) await nextTurn();
    expect([connections.waitingCount, begun, refusals]).toEqual([2, ['c', 'd'], []]);
  });

  it('notices who goes while it waits, which takes no turn', async () => {
    const { connections, come, queue, refusals } = await opened({ handshakesMax: 1 });
    const begun = await come(1);
    const [patient, ...others] = [await queue(1), await queue(1), await queue(1)];
    for (const other of others) {
      other.write('hello');
      other.end();
    }
    while (connections.waitingCount > 1) await nextTurn();
    expect([connections.openCount, refusals]).toEqual([2, []]);
    const seen = once(patient, 'data');
    begun.destroy();
    await seen;
  });

  it('gives what was said while waiting to whoever reads then', async () => {
    const heard: Buffer[] = [];
    const { come, queue } = await opened({ handshakesMax: 1 }, systemTimers, (socket) => {
      socket.on('data', (piece) => heard.push(piece));
    });
    const begun = await come(1);
    const waiting = await queue(1);
    const said = Buffer.from(Array.from({ length: 100_000 }, (_, at) => at % 251)); // More than a hello: the rest stays in the network.
    await new Promise((written) => waiting.write(said.subarray(0, 10), written));
    waiting.write(said.subarray(10));
    begun.destroy();
    while (heard.reduce((sum, { byteLength }) => sum + byteLength, 0) < said.byteLength) await nextTurn();
    expect(Buffer.concat(heard).equals(said)).toBe(true);
  });

  it('gives the turn of one that stalls to the next, of another address sooner, and lets all go on', async () => {
    const timers = new SimulatedTimers(0);
    const { connections, come, queue, refusals } = await opened({ handshakesMax: 1 }, timers);
    const silent = await come(1);
    const own = await queue(1);
    const tick = async () => {
      await timers.advance(1_000);
      await nextTurn();
    };
    for (let second = 0; second < 4; second++) await tick();
    expect(connections.waitingCount).toBe(1);
    await tick();
    await once(own, 'data');
    const other = await queue(2);
    await tick(); // The turn is its address's neighbour's now.
    await once(other, 'data');
    expect([silent.closed, own.closed, connections.openCount, refusals]).toEqual([false, false, 3, []]);
  });

  it('lets one that waits give way, of the address that has most, before any whose handshake has begun', async () => {
    const { come, queue, refusals, connections } = await opened({ atOnceMax: 3, handshakesMax: 1 });
    const begun = await come(2);
    const [oldest, newer] = [await queue(1), await queue(1)];
    const other = connect({ port: begun.remotePort as number, host: '127.0.0.1' });
    other.on('error', () => {});
    onTestFinished(() => void other.destroy());
    await cut(oldest);
    expect([begun.closed, newer.closed, refusals, connections.waitingCount]).toEqual([false, false, ['evicted'], 2]);
  });
});
