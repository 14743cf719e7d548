import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { expect, it, onTestFinished } from 'vitest';
import { unwrap } from '../../base/fault.ts';
import { HubAuthority, makeHubAuthority } from './authority.ts';
import { HubListener } from './listener.ts';

it('lets others in while one address opens all the connections that there is room for', async () => {
  const authority = unwrap(await HubAuthority.of(await makeHubAuthority(Date.now())));
  const identity = await authority.issueServer(Date.now());
  const caps = {
    certificates: 'none',
    connectionsMax: 4,
    messageBytesMax: 1_024,
    streamsMax: 1,
    ageMs: 60_000,
  } as const;
  const listener = new HubListener(identity, authority.certificate, caps);
  const port = await listener.listen('127.0.0.1:0');
  onTestFinished(() => listener.close());
  const silent = async () => {
    const socket = connect({ host: '127.0.0.1', port, localAddress: '127.0.0.2' });
    await once(socket, 'connect');
    return socket;
  };
  const ended = (socket: Socket) => once(socket, 'close');
  const crowd: Socket[] = [];
  for (let at = 0; at < 4; at++) crowd.push(await silent());
  const first = ended(crowd[0] as Socket);
  await ended((await silent()).resume()); // None of its own gives way to it.

  const other = connectTls({ host: '127.0.0.1', port, rejectUnauthorized: false, ALPNProtocols: ['h2'] });
  await once(other, 'secureConnect');
  crowd[0]?.resume();
  await first;
  expect(crowd.slice(1).some(({ closed }) => closed)).toBe(false);
  for (const socket of crowd) socket.destroy();
  other.destroy();
});
