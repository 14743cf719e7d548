import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createSecureServer, type ServerHttp2Session } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { promisify } from 'node:util';
import { expect, it, onTestFinished } from 'vitest';
import { unwrap } from '../../base/fault.ts';
import { pemOfChain } from '../../coordinator/keys/authority.ts';
import { TestFederation } from '../../coordinator/testing/federation.ts';
import { chunkBytes } from '../../proto/wire-names.ts';
import { parseAddress } from './address.ts';
import { connectAsNewcomer } from './connection.ts';

it('whoever serves a client may be a whole chunk ahead of what it has taken, of a stream and of its connection', async () => {
  const { authority, coordinator } = await TestFederation.start();
  const issuer = coordinator.authority;
  const own = await issuer.issueServer([], issuer.plan(Date.now(), 3_600_000, randomBytes(9)));
  const server = createSecureServer({ cert: pemOfChain(own.chain), key: own.key }).listen(0, '127.0.0.1');
  onTestFinished(() => void server.close());
  const opened = once(server, 'session');
  await once(server, 'listening');
  const address = unwrap(parseAddress(`127.0.0.1:${(server.address() as AddressInfo).port}`));
  const connection = connectAsNewcomer(address, authority);
  onTestFinished(() => connection.close());
  const call = connection.federation.fetchModel({ digest: '', offset: 0n });
  const [session] = (await opened) as [ServerHttp2Session];
  onTestFinished(() => session.destroy());
  call.on('error', () => {});
  await once(server, 'stream'); // It calls once it knows our settings, after it has widened its window.
  await promisify(session.ping.bind(session) as (done: (error: Error | null) => void) => void)();
  expect(session.state.remoteWindowSize).toBe(chunkBytes);
  expect(session.remoteSettings.initialWindowSize).toBe(chunkBytes);
});
