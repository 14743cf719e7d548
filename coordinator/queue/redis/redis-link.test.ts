import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Queue, Worker } from 'bullmq';
import { expect, it, onTestFinished } from 'vitest';
import { pemOfCertificate } from '../../../base/certificates/pem.ts';
import { signLeaf, signRoot } from '../../../base/certificates/sign.ts';
import { exportPrivateKey, makeCertificateKeyPair, x509 } from '../../../base/certificates/x509.ts';
import { unwrap } from '../../../base/fault.ts';
import { systemTimers } from '../../../base/system-timers.ts';
import { lastingPorts } from '../../../base/testing/lasting-ports.ts';
import { RedisServer } from '../../testing/redis-server.ts';
import { tempDir } from '../../testing/temp-dir.ts';
import { RedisLink } from './redis-link.ts';
import type { RedisPlace } from './redis-place.ts';

const secret = 'the-right-word';

/** A link that looks often, and what it told. */
async function linkTo(place: RedisPlace) {
  const told: string[] = [];
  const trouble = (code: string, message: string) => void told.push(`${code} ${message}`);
  const timing = { probeMs: 100, timeoutMs: 600_000, timers: systemTimers };
  const link = unwrap(await RedisLink.open({ place, trouble, ...timing }));
  onTestFinished(() => link.close());
  return { link, told };
}

/** A Redis that speaks TLS, beside the one without; `ca`: who vouches for it. */
async function startSecured() {
  const folder = tempDir();
  const [root, own] = [await makeCertificateKeyPair(), await makeCertificateKeyPair()];
  const times = { issuedAtMs: Date.now(), expiresAtMs: Date.now() + 3_600_000 };
  const authority = await signRoot({ serial: '01', name: 'CN=somebody', keys: root, pathLength: 0, ...times });
  const leaf = await signLeaf(authority, root.privateKey, {
    serial: '02',
    subject: 'CN=redis',
    publicKey: own.publicKey,
    names: [{ type: 'ip', value: '127.0.0.1' }],
    usage: x509.ExtendedKeyUsage.serverAuth,
    ...times,
  });
  const [ca, certificate] = [authority, leaf].map(({ rawData }) => pemOfCertificate(new Uint8Array(rawData)));
  const files = { ca, certificate, key: await exportPrivateKey(own.privateKey) };
  for (const [name, text = ''] of Object.entries(files)) await writeFile(join(folder, name), text, { mode: 0o600 });
  const [port] = await lastingPorts(1);
  const named = ['--tls-cert-file', join(folder, 'certificate'), '--tls-key-file', join(folder, 'key')];
  const rest = ['--tls-ca-cert-file', join(folder, 'ca'), '--tls-auth-clients', 'no', '--requirepass', secret];
  await RedisServer.start('--tls-port', String(port), ...named, ...rest);
  return { url: `rediss://:${secret}@127.0.0.1:${port}`, ca };
}

it.each([
  ['another password', ':another-word@', 'WRONGPASS'],
  ['none', '', 'NOAUTH'],
])('says that Redis does not let it in, and not the password, with %s', async (_, words, why) => {
  const server = await RedisServer.start('--requirepass', secret);
  const { link, told } = await linkTo({ url: server.url.replace('//', `//${words}`) });
  expect(link.isUp).toBe(false);
  expect(told).toEqual([`REDIS_LOST Redis does not let us in (${why}): mend user and password in redis.url`]);
});

it('says once that nobody listens there, and then that it is refused, for that does not pass by itself', async () => {
  const server = await RedisServer.start('--requirepass', secret);
  await server.kill();
  const { told } = await linkTo(server);
  expect(told).toEqual([expect.stringMatching(/^REDIS_LOST Redis does not answer \(connect ECONNREFUSED /)]);
  await server.start();
  await expect.poll(() => told, { timeout: 600_000 }).toHaveLength(2);
  expect(told[1]).toContain('NOAUTH');
});

it('trusts the authority that it is given, for its own connection and for those of queues and workers, and no other', async () => {
  const { url, ca } = await startSecured();
  const stranger = await linkTo({ url });
  const untrusted = /^REDIS_LOST Redis shows a certificate that is not trusted here \([A-Z_]+\): .*redis\.tls\.ca$/;
  expect(stranger.told).toEqual([expect.stringMatching(untrusted)]);
  const { link, told } = await linkTo({ url, ca });
  expect({ told, isUp: link.isUp }).toEqual({ told: [], isUp: true });
  const queue = new Queue('jobs', { connection: link.producer });
  const done = Promise.withResolvers<unknown>();
  const worker = new Worker('jobs', async ({ data }) => done.resolve(data), { connection: link.consumer() });
  onTestFinished(async () => {
    await worker.close();
    await queue.close();
  });
  await queue.waitUntilReady();
  await queue.add('job', 'its data');
  expect(await done.promise).toBe('its data');
});
