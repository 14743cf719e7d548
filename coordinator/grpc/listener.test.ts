import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { ServiceDefinition } from '@grpc/grpc-js';
import { expect, it, onTestFinished } from 'vitest';
import { systemTimers } from '../../base/system-timers.ts';
import { FederationService } from '../../proto/generated/testudo/v1/federation.ts';
import { pemOfChain } from '../keys/authority.ts';
import { clientHello } from '../testing/client-hello.ts';
import { TestFederation } from '../testing/federation.ts';
import { halfSent, outcomeOf, rawConnection } from '../testing/raw-grpc.ts';
import { Listener, membersCaps } from './listener.ts';

/** Nothing is ever due: what happens here happens since somebody came, went or was done. */
const still = {
  ...systemTimers,
  after: (_: number, act: () => void) => systemTimers.after(2 ** 30, act, { background: true }),
};

it('the next handshake, of the newest that said its hello, begins once a peer has made its call or has gone', async () => {
  const federation = await TestFederation.start();
  const member = await federation.enrol('a');
  const { authority } = federation.coordinator;
  const own = await authority.issueServer([], authority.plan(Date.now(), 3_600_000, randomBytes(9)));
  const listener = new Listener({
    identity: { chain: pemOfChain(own.chain), key: own.key },
    trusted: federation.authority,
    session: membersCaps,
    connections: {
      ...{ atOnceMax: 10, perAddressMax: 10, silentMax: 10, silentMs: 1, perPeerMax: 10 },
      ...{ handshakesMax: 1, callProves: true },
    },
    unread: { requestMs: 1, slowMax: 1 },
    timers: still,
    onConnectionRefused: () => {},
    onHandshakeRefused: () => {},
    onCallRefused: () => {},
  });
  onTestFinished(() => listener.force());
  const served = { uploadStatus: FederationService.uploadStatus } as ServiceDefinition;
  listener.grpc.addService(served, {
    uploadStatus: (_: unknown, answer: (error: object) => void) => answer({ code: 5 }),
  });
  const port = await listener.listen('127.0.0.1:0');
  const come = async (): Promise<Socket> => {
    const socket = connect({ host: '127.0.0.1', port });
    onTestFinished(() => void socket.destroy());
    const before = listener.connections.openCount;
    await once(socket, 'connect');
    while (listener.connections.openCount === before) await nextTurn();
    return socket;
  };
  const { applied, enrolled } = member;
  const credentials = { cert: pemOfChain(enrolled.certificateChain), key: applied.tls.key, ca: federation.authority };
  /** Resolves once it has been answered. */
  const call = async (socket: Socket) => {
    const session = rawConnection(`127.0.0.1:${port}`, credentials, socket);
    const stream = halfSent(session, '/testudo.v1.Federation/UploadStatus', 0, 0);
    stream.end();
    expect(await outcomeOf(stream)).toMatchObject({ status: '5' });
  };
  const stalls = await come();
  stalls.write(await clientHello());
  const { connections } = listener;
  while (connections.unprovenCount === 0) await nextTurn();
  const silent = await come(); // Has no part in any of this.
  const done: string[] = [];
  const called: Promise<unknown>[] = [];
  for (const [before, name] of ['second', 'third'].entries()) {
    const socket = await come();
    called.push(call(socket).then(() => done.push(name)));
    while (connections.waitingCount === before) await nextTurn();
  }
  expect(done).toEqual([]);
  stalls.destroy();
  await Promise.all(called); // The third stays: its turn is the second's.
  expect([done, silent.closed]).toEqual([['third', 'second'], false]);
}, 600_000);
