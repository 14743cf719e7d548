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

/** What a peer says before it is answered: a record of TLS, as short as one can be. */
const hello = Buffer.of(22, 3, 1, 0, 1, 0);

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
  /** From 127.0.0.`last`. */
  const dial = (last: number): Socket => {
    const socket = connect({ port, host: '127.0.0.1', localAddress: `127.0.0.${last}` });
    socket.on('error', () => {});
    onTestFinished(() => void socket.destroy());
    return socket;
  };
  /** Says its hello; resolves when it was let in or cut. */
  const come = async (last: number): Promise<Socket> => {
    const socket = dial(last);
    socket.write(hello);
    await Promise.race([new Promise((seen) => socket.once('data', seen)), cut(socket)]);
    return socket;
  };
  const call = ({ localAddress, localPort }: Socket, name: string) =>
    connections.called(localAddress, localPort, () => name);
  /** As `come`, once it waits: one that waits for its turn is neither let in nor cut. */
  const queue = async (last: number): Promise<Socket> => {
    const before = connections.waitingCount;
    const socket = dial(last);
    socket.write(hello);
    while (connections.waitingCount === before) await nextTurn();
    return socket;
  };
  return { connections, refusals, answers, dial, come, queue, call };
}

/** Resolves when the peer has cut it. */
async function cut(socket: Socket): Promise<void> {
  if (!socket.closed) await new Promise((closed) => socket.once('close', closed));
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
      if (socket.remoteAddress === '127.0.0.2') socket.on('data', (piece) => heard.push(piece));
    });
    const begun = await come(1);
    const waiting = await queue(2);
    const said = Buffer.from(Array.from({ length: 100_000 }, (_, at) => at % 251)); // More than a hello: the rest stays in the network.
    const all = Buffer.concat([hello, said]);
    await new Promise((written) => waiting.write(said.subarray(0, 10), written));
    waiting.write(said.subarray(10));
    begun.destroy();
    while (heard.reduce((sum, { byteLength }) => sum + byteLength, 0) < all.byteLength) await nextTurn();
    expect(Buffer.concat(heard).equals(all)).toBe(true);
  });

  it('gives no turn to who has not said its whole hello, and ends it in time', async () => {
    const timers = new SimulatedTimers(0);
    const { connections, dial, come, refusals } = await opened({ handshakesMax: 1, silentMs: 15_000 }, timers);
    const silent = dial(1);
    const slow = dial(2);
    slow.write(hello.subarray(0, 5));
    while (connections.openCount < 2) await nextTurn();
    const first = await come(3);
    expect([connections.openCount, connections.waitingCount, connections.unprovenCount]).toEqual([3, 0, 1]);
    first.destroy();
    while (connections.openCount > 2) await nextTurn();
    const seen = once(slow, 'data');
    slow.write(hello.subarray(5));
    await seen;
    await timers.advance(15_000);
    await cut(silent);
    await cut(slow); // It never called.
    expect(refusals).toEqual(['silent', 'silent']);
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
    const { dial, come, queue, refusals, connections } = await opened({ atOnceMax: 3, handshakesMax: 1 });
    const begun = await come(2);
    const [oldest, newer] = [await queue(1), await queue(1)];
    const other = dial(1);
    await cut(oldest);
    expect([begun.closed, newer.closed, refusals, connections.waitingCount]).toEqual([false, false, ['evicted'], 1]);
    await queue(1); // One that has said nothing goes before one that has.
    await cut(other);
    expect([begun.closed, newer.closed, refusals]).toEqual([false, false, ['evicted', 'evicted']]);
  });
});
