import { appendFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { it as alone, type TestContext } from 'vitest';
import { unwrap } from '../base/fault.ts';
import { HeardLog } from '../base/testing/heard-log.ts';
import { tempDir } from '../coordinator/testing/temp-dir.ts';
import { startLoopbackFederation } from '../lab/testing/loopback-federation.ts';
import { startClient } from './client.ts';
import { parseClientConfig } from './config.ts';
import { readerTables } from './sources/testing/tables/all.ts';

/** At once: each waits for the client's own looks at its sources, seconds apart. */
const it = alone.concurrent;
const tetragonLines = readerTables.find(({ source }) => source === 'tetragonFile')?.cases[0]?.lines ?? [];

/** A member whose one source is this file, and what it says. */
async function start(path: string, { onTestFinished }: TestContext) {
  const federation = await startLoopbackFederation();
  onTestFinished(() => federation.coordinator.stop());
  const folder = tempDir(onTestFinished);
  await writeFile(join(folder, 'token'), federation.newToken('north'));
  const { enrolPort, memberPort } = federation.coordinator;
  const settings = {
    dataDirectory: 'data',
    coordinator: { addresses: [`127.0.0.1:${memberPort}`], enrolAddress: `127.0.0.1:${enrolPort}` },
    joinToken: { file: 'token' },
    sources: [{ kind: 'tetragonFile', path }],
    health: { listen: '127.0.0.1:0' },
  };
  const heard = new HeardLog();
  const file = { path: join(folder, 'client.yaml'), text: JSON.stringify(settings) };
  const client = unwrap(await startClient(unwrap(parseClientConfig({ file })), { log: heard.log() }));
  onTestFinished(() => client.close());
  const until = (msg: string) => heard.said(msg);
  await until('member of a federation');
  const readyz = async () => {
    const response = await fetch(`http://127.0.0.1:${client.healthPort}/readyz`);
    return { status: response.status, ...((await response.json()) as ReturnType<typeof client.readiness>) };
  };
  const metrics = async () => (await fetch(`http://127.0.0.1:${client.healthPort}/metrics`)).text();
  return { readyz, metrics, until, said: (msg: string) => heard.saying(msg) };
}

it('a client whose file was never there is not ready, says so once, and is ready when it is there', async (context) => {
  const { expect } = context;
  const path = join(tempDir(context.onTestFinished), 'tetragon.log');
  const { readyz, metrics, until, said } = await start(path, context);
  expect(await until('source is blind')).toMatchObject({ state: 'MISSING', source: `tetragonFile:${path}` });
  const state = await readyz();
  expect(state).toMatchObject({ status: 503, ready: false, checks: { enrolled: true, sources: false } });
  expect(state.degraded).toMatchObject([{ source: `tetragonFile:${path}`, state: 'MISSING' }]);
  expect(state.why[0]).toContain('MISSING: the file is not there');
  expect(await metrics()).toContain('testudo_client_sources_blind{source="tetragonFile",state="MISSING"} 1');
  await writeFile(path, tetragonLines.map((line) => `${line}\n`).join(''));
  await until('source sees again');
  expect(await readyz()).toMatchObject({ status: 200, checks: { sources: true }, degraded: [] });
  expect(await metrics()).not.toContain('testudo_client_sources_blind{source="tetragonFile",state="MISSING"} 1');
  expect(said('source is blind')).toHaveLength(1);
});

it('a client that understands too little of its source is not ready, and says why without a word of what it read', async (context) => {
  const { expect } = context;
  const path = join(tempDir(context.onTestFinished), 'tetragon.log');
  await writeFile(path, '{"process":"alice","cut\n'.repeat(40));
  const { readyz, until } = await start(path, context);
  expect(await until('source is blind')).toMatchObject({ state: 'MOSTLY_SKIPPED', reason: 'MALFORMED_JSON' });
  const state = await readyz();
  expect(state).toMatchObject({ status: 503, ready: false });
  expect(state.degraded).toMatchObject([
    { state: 'MOSTLY_SKIPPED', reason: 'MALFORMED_JSON', skipped: 40, lookedAt: 40, example: { where: `${path}:0` } },
  ]);
  expect(JSON.stringify(state)).toContain('a{7}');
  expect(JSON.stringify(state)).not.toContain('alice');
  await appendFile(
    path,
    tetragonLines
      .map((line) => `${line}\n`)
      .join('')
      .repeat(40),
  );
  await until('source sees again');
  expect((await readyz()).status).toBe(200);
});

it('a live source that failed is opened again, and sees from then on', async (context) => {
  const { expect } = context;
  const path = join(tempDir(context.onTestFinished), 'tetragon.log.gz');
  await writeFile(path, gzipSync('cut off').subarray(0, 12));
  const { readyz, until, said } = await start(path, context);
  expect(await until('source failed')).toMatchObject({ source: `tetragonFile:${path}`, code: 'Z_BUF_ERROR' });
  expect(await until('source is blind')).toMatchObject({ state: 'FAILED' });
  await writeFile(`${path}.new`, gzipSync(tetragonLines.map((line) => `${line}\n`).join('')));
  await rename(`${path}.new`, path);
  await until('source sees again');
  expect(await readyz()).toMatchObject({ status: 200, checks: { sources: true }, degraded: [] });
  expect(said('source is blind')).toHaveLength(1);
});

it('a client whose file cannot be opened says why, and is ready when it can be', async (context) => {
  const { expect } = context;
  const path = join(tempDir(context.onTestFinished), 'tetragon.log');
  await symlink(path, path);
  const { readyz, until } = await start(path, context);
  expect(await until('source is blind')).toMatchObject({ state: 'FAILED' });
  expect((await readyz()).degraded).toMatchObject([{ message: expect.stringContaining('ELOOP') }]);
  await rm(path);
  await writeFile(path, tetragonLines.map((line) => `${line}\n`).join(''));
  await until('source sees again');
  expect(await readyz()).toMatchObject({ status: 200, degraded: [] });
});

it('a client whose file can be opened no longer says why, though it has read it', async (context) => {
  const { expect } = context;
  const path = join(tempDir(context.onTestFinished), 'tetragon.log');
  await writeFile(path, tetragonLines.map((line) => `${line}\n`).join(''));
  const { readyz, until } = await start(path, context);
  await rename(path, `${path}.1`);
  await symlink(path, path);
  expect(await until('source is blind')).toMatchObject({ state: 'FAILED', cause: expect.stringContaining('ELOOP') });
  await rm(path);
  await writeFile(path, tetragonLines.map((line) => `${line}\n`).join(''));
  await until('source sees again');
  expect(await readyz()).toMatchObject({ status: 200, degraded: [] });
});
