import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it, onTestFinished } from 'vitest';
import { masterKey, TestFederation } from '../../../coordinator/testing/federation.ts';
import { ObjectStore, rclone } from '../../../coordinator/testing/object-store.ts';
import { PostgresServer } from '../../../coordinator/testing/postgres-server.ts';
import { tempDir } from '../../../coordinator/testing/temp-dir.ts';
import { rclonePath } from '../../../tools/testing/stores/rclone.mjs';
import { runTestudo } from '../../testing/command-line.ts';

const testudo = fileURLToPath(new URL('../../testudo.ts', import.meta.url));

// A password that is not there is told before anybody is called.
it('leaves no copy of the journal behind, whoever ends the process, and asks nothing of a database for a wrong word', () => {
  const folder = tempDir();
  const [temporary, config, to] = [join(folder, 'tmp'), join(folder, 'coordinator.yaml'), join(folder, 'out')];
  mkdirSync(temporary);
  const settings = {
    federation: 'herd',
    dataDirectory: './data',
    masterKey: { file: './master.key' },
    journal: { postgres: { address: 'postgres://testudo@127.0.0.1/testudo', password: { file: './none' } } },
  };
  writeFileSync(config, JSON.stringify(settings));
  const run = (...words: readonly string[]) =>
    spawnSync(process.execPath, ['--disable-warning=ExperimentalWarning', testudo, 'coordinator', ...words], {
      env: { ...process.env, TMPDIR: temporary },
      encoding: 'utf8',
    });
  const { status, stderr } = run('export-audit', '--unsigned', '--to', to, '-c', config);
  expect({ status, stderr }).toEqual({ status: 1, stderr: expect.stringContaining('SECRET_UNAVAILABLE') });
  expect(readdirSync(temporary)).toEqual([]);
  const wrong = run('prove', '--entry', '0', '--to', to, '-c', config);
  expect(wrong).toMatchObject({ status: 2, stderr: expect.stringContaining('--entry: expected a position from 1') });
}, 600_000);

it('moves no journal for a coordinator that its bucket would not let start, and says why', async () => {
  const [server, folder] = [await PostgresServer.start(), tempDir()];
  onTestFinished(() => server.remove());
  const store = await ObjectStore.start(rclone(rclonePath()));
  onTestFinished(() => store.remove());
  const text = (name: string, what: string) => writeFileSync(join(folder, name), what, { mode: 0o600 });
  const { endpoint, bucket, accessKeyId, secretAccessKey } = store.settings();
  text('password', PostgresServer.password);
  text('key-id', accessKeyId);
  text('key', 'a word that is not the key');
  text('not-pem', 'no certificate');
  const { config, coordinator } = await TestFederation.start({ values: 300, dataDirectory: folder });
  await coordinator.close();
  const { federation, dataDirectory } = config;
  const moveTo = (postgres: object, s3: object) => {
    const credentials = { accessKeyId: { file: './key-id' }, secretAccessKey: { file: './key' } };
    const places = {
      journal: { postgres: { address: server.url, password: { file: './password' }, ...postgres } },
      blobs: { s3: { endpoint, bucket, credentials, ...s3 } },
    };
    text('moved.yaml', JSON.stringify({ federation, dataDirectory, masterKey: { file: './master' }, ...places }));
    return runTestudo('coordinator', 'move', '--to', 'postgres', '-c', join(folder, 'moved.yaml'));
  };
  const refused = (what: string) => ({ code: 1, out: '', error: expect.stringContaining(what) });
  expect(await moveTo({}, {})).toEqual(refused('BLOB_STORE_DENIED'));
  text('key', secretAccessKey);
  expect(await moveTo({}, { bucket: 'another' })).toEqual(refused('BUCKET_NOT_FOUND'));
  expect(await moveTo({ tls: { ca: './not-pem' } }, {})).toEqual(
    refused(`journal.postgres.tls.ca: ${join(folder, 'not-pem')} holds no certificate`),
  );
  expect(readdirSync(dataDirectory)).toContain('journal.sqlite');
  expect(await moveTo({}, {})).toMatchObject({ code: 0, error: '' });
  expect(readdirSync(dataDirectory)).toContain('journal.moved.sqlite');
}, 600_000);

it('makes no other key for signed heads beside a coordinator on a database that signs with the one in use', async () => {
  const [server, folder] = [await PostgresServer.start(), tempDir()];
  onTestFinished(() => server.remove());
  const text = (name: string, what: string) => writeFileSync(join(folder, name), what, { mode: 0o600 });
  text('password', PostgresServer.password);
  text('master', masterKey);
  const journal = { postgres: { address: server.url, password: { file: join(folder, 'password') } } };
  const set = { address: server.url, 'password.file': join(folder, 'password') };
  const settings = Object.entries(set).map(([name, value]) => `journal.postgres.${name}=${value}`);
  const { config, coordinator } = await TestFederation.start({ values: 300, settings, dataDirectory: folder });
  const { federation, dataDirectory } = config;
  const path = join(folder, 'other.yaml');
  text('other.yaml', JSON.stringify({ federation, dataDirectory, masterKey: { file: './master' }, journal }));
  const key = (...words: readonly string[]) => runTestudo('coordinator', 'checkpoint-key', '-c', path, ...words);
  const held = { code: 1, out: '', error: expect.stringContaining('JOURNAL_HELD') };
  expect(await key('--rotate')).toEqual(held);
  const { out: before } = await key();
  await coordinator.close();
  const rotated = await key('--rotate');
  expect(rotated).toMatchObject({ code: 0, error: '' });
  expect(rotated.out).not.toBe(before);
  expect((await key()).out).toBe(rotated.out);
}, 600_000);
