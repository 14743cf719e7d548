import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { TLSSocket } from 'node:tls';
import type { ServiceDefinition } from '@grpc/grpc-js';
import { expect, it, onTestFinished, vi } from 'vitest';
import { systemTimers } from '../../base/system-timers.ts';
import type { Timers } from '../../base/time.ts';
import { FederationService } from '../../proto/generated/testudo/v1/federation.ts';
import { chunkBytes } from '../../proto/wire-names.ts';
import { pemOfChain } from '../keys/authority.ts';
import { clientHello } from '../testing/client-hello.ts';
import type { TestCluster } from '../testing/cluster.ts';
import { TestFederation } from '../testing/federation.ts';
import { halfSent, outcomeOf, rawConnection, settled } from '../testing/raw-grpc.ts';
import type { ConnectionCaps } from './connections/connections.ts';
import { Listener, membersCaps } from './listener.ts';
import { type AnyCall, peerOf } from './peer.ts';

/** Nothing is ever due: what happens here happens since somebody came, went or was done. */
const still = {
  ...systemTimers,
  after: (_: number, act: () => void) => systemTimers.after(2 ** 30, act, { background: true }),
};

/** A port of members with one method, which is answered with a status of 5 once `called` has heard of it. */
async function listening(
  federation: TestFederation,
  caps: Partial<ConnectionCaps> = {},
  timers: Timers = systemTimers,
  called: (call: AnyCall) => void = () => {},
): Promise<Readonly<{ listener: Listener; port: number }>> {
  const { authority } = federation.coordinator;
  const own = await authority.issueServer([], authority.plan(Date.now(), 3_600_000, randomBytes(9)));
  const listener = new Listener({
    identity: { chain: pemOfChain(own.chain), key: own.key },
    trusted: federation.authority,
    session: membersCaps,
    connections: {
      ...{ atOnceMax: 10, perAddressMax: 10, silentMax: 10, silentMs: 1, perPeerMax: 10, callProves: true },
      ...caps,
    },
    unread: { requestMs: 1, slowMax: 1 },
    timers,
    onConnectionRefused: () => {},
    onHandshakeRefused: () => {},
    onCallRefused: () => {},
  });
  onTestFinished(() => listener.force());
  const served = { uploadStatus: FederationService.uploadStatus } as ServiceDefinition;
  listener.grpc.addService(served, {
    uploadStatus: (call: AnyCall, answer: (error: object) => void) => {
      called(call);
      answer({ code: 5 });
    },
  });
  return { listener, port: await listener.listen('127.0.0.1:0') };
}

function credentialsOf({ applied, enrolled }: TestCluster, { authority }: TestFederation) {
  return { cert: pemOfChain(enrolled.certificateChain), key: applied.tls.key, ca: authority };
}

it('a certificate is read once for all calls of its connection, and each connection has its own', async () => {
  const federation = await TestFederation.start();
  const members = [await federation.enrol('a'), await federation.enrol('b')];
  const heard: (string | undefined)[] = [];
  const { port } = await listening(federation, {}, still, (call) => heard.push(peerOf(call).certificate?.uri));
  const sessions = members.map((member) => rawConnection(`127.0.0.1:${port}`, credentialsOf(member, federation)));
  const reads = vi.spyOn(TLSSocket.prototype, 'getPeerCertificate');
  onTestFinished(() => reads.mockRestore());
  for (const session of [...sessions, ...sessions, ...sessions]) {
    const stream = halfSent(session, '/testudo.v1.Federation/UploadStatus', 0, 0);
    stream.end();
    await outcomeOf(stream);
  }
  const names = members.map(({ name }) => expect.stringMatching(new RegExp(`/${name}$`)));
  expect(heard).toEqual([...names, ...names, ...names]);
  // A client asks for the whole chain of its server's, once for each connection.
  expect(reads.mock.calls.filter(([detailed]) => detailed !== true)).toHaveLength(sessions.length);
});

it('a peer may be a whole chunk ahead of what it is told has come, of a stream and of its connection', async () => {
  const federation = await TestFederation.start();
  const member = await federation.enrol('a');
  const { port } = await listening(federation, {}, still);
  const session = rawConnection(`127.0.0.1:${port}`, credentialsOf(member, federation));
  expect(await settled(session)).toBe(true); // What the port says of its windows came before the ping's answer.
  expect(session.state.remoteWindowSize).toBe(chunkBytes);
  expect(session.remoteSettings.initialWindowSize).toBe(chunkBytes);
});

it('the next handshake, of the newest that said its hello, begins once a peer has made its call or has gone', async () => {
  const federation = await TestFederation.start();
  const member = await federation.enrol('a');
  const { listener, port } = await listening(federation, { handshakesMax: 1 }, still);
  const come = async (): Promise<Socket> => {
    const socket = connect({ host: '127.0.0.1', port });
    onTestFinished(() => void socket.destroy());
    const before = listener.connections.openCount;
    await once(socket, 'connect');
    while (listener.connections.openCount === before) await nextTurn();
    return socket;
  };
  /** Resolves once it has been answered. */
  const call = async (socket: Socket) => {
    const session = rawConnection(`127.0.0.1:${port}`, credentialsOf(member, federation), socket);
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
