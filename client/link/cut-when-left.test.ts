import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { unwrap } from '../../base/fault.ts';
import { TestFederation } from '../../coordinator/testing/federation.ts';
import { parseAddress } from './address.ts';
import { connectAsNewcomer } from './connection.ts';

it('a channel that is closed cuts what waits for its handshake, and one that is open does not', async () => {
  const { authority } = await TestFederation.start();
  const server = createServer().listen(0, '127.0.0.1'); // It never answers.
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  const address = unwrap(parseAddress(`127.0.0.1:${(server.address() as AddressInfo).port}`));
  const open = async () => {
    const accepted = once(server, 'connection');
    const connection = connectAsNewcomer(address, authority);
    const call = connection.federation.watch({ tracks: [], clientBuild: 'test' });
    const ended = once(call, 'error');
    const [socket] = (await accepted) as [Socket];
    socket.on('error', () => {});
    onTestFinished(() => void socket.destroy());
    await once(socket, 'data'); // Its hello.
    return { connection, call, ended, socket };
  };
  const [left, stays] = [await open(), await open()];
  onTestFinished(() => stays.connection.close());
  left.call.cancel();
  await left.ended;
  const gone = once(left.socket, 'close');
  left.connection.close();
  left.socket.resume();
  await gone;
  expect([left.socket.closed, stays.socket.closed]).toEqual([true, false]);
  stays.call.cancel();
  await stays.ended;
});
