import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { systemTimers } from '../../base/system-timers.ts';
import { PostgresServer } from '../testing/postgres-server.ts';
import { tempDir } from '../testing/temp-dir.ts';
import { PostgresConnection } from './connection.ts';
import { ensureLayout } from './layout.ts';
import { PostgresLink } from './link.ts';

/** A certificate of its own for 127.0.0.1, readable by who runs the server. */
function certificateIn(folder: string): Readonly<{ certificate: string; key: string }> {
  const [certificate, key] = [join(folder, 'server.pem'), join(folder, 'server.key')];
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const names = ['-subj', '/CN=database', '-addext', 'subjectAltName=IP:127.0.0.1'];
  execFileSync('openssl', ['req', '-x509', ...curve, ...names, '-keyout', key, '-out', certificate], {
    stdio: 'ignore',
  });
  chmodSync(folder, 0o711);
  chmodSync(key, 0o600);
  if (process.getuid?.() === 0) for (const file of [certificate, key]) chownSync(file, 65_534, 65_534);
  return { certificate, key };
}

it('a connection over TLS believes the server of the given authority and no other, and tells no password to anybody', async () => {
  const { certificate, key } = certificateIn(tempDir());
  const server = await PostgresServer.start(['ssl=on', `ssl_cert_file=${certificate}`, `ssl_key_file=${key}`]);
  onTestFinished(() => server.remove());
  const ca = readFileSync(certificate, 'utf8');
  const trusted = await PostgresConnection.open(server.settings({ tls: { ca } }), systemTimers);
  if (!trusted.ok) throw new Error(trusted.fault.message);
  const answer = await trusted.value.ask('SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()');
  expect(answer).toMatchObject({ kind: 'rows', rows: [{ ssl: true }] });
  await trusted.value.close();

  const stranger = await PostgresConnection.open(server.settings({ tls: {} }), systemTimers);
  expect(stranger).toMatchObject({ ok: false, fault: { code: 'DATABASE_UNREACHABLE' } });
  const wrong = 'a wrong password, which is a secret';
  const refused = await PostgresConnection.open(server.settings({ tls: { ca }, password: wrong }), systemTimers);
  expect(refused).toMatchObject({
    ok: false,
    fault: {
      code: 'DATABASE_REFUSED',
      message: expect.stringMatching(/does not let testudo into postgres .*password/),
    },
  });
  expect(JSON.stringify(refused)).not.toContain(wrong);
});

it.each([
  ['a wrong password', { password: 'a wrong password' }],
  ['no such database', { database: 'nowhere' }],
])('%s is told at once, and not after all the time that a database may be away', async (_, wrong) => {
  const server = await PostgresServer.start();
  onTestFinished(() => server.remove());
  const link = new PostgresLink(server.settings({ ...wrong, outageMs: 3_600_000 }), systemTimers);
  onTestFinished(() => link.close());
  expect(await ensureLayout(link)).toMatchObject({ ok: false, fault: { code: 'DATABASE_REFUSED' } });
});
