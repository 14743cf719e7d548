import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { PassThrough } from 'node:stream';
import { expect, it, onTestFinished } from 'vitest';
import { unwrap } from '../base/fault.ts';
import { makeLog } from '../base/log.ts';
import { startCoordinator } from './coordinator.ts';
import { environment, TestFederation } from './testing/federation.ts';
import { PostgresServer } from './testing/postgres-server.ts';
import { tempDir } from './testing/temp-dir.ts';

it("a standby without the leader's bytes says so while it waits, and takes nothing over before it has them", async () => {
  const server = await PostgresServer.start();
  onTestFinished(() => server.remove());
  const folder = tempDir();
  const password = join(folder, 'password');
  writeFileSync(password, `${PostgresServer.password}\n`, { mode: 0o600 });
  const settings = [`address=${server.url}`, `password.file=${password}`, 'schema=apart'];
  const federation = await TestFederation.start({
    values: 300,
    settings: settings.map((setting) => `journal.postgres.${setting}`),
    dataDirectory: folder,
  });
  const { epoch } = federation.coordinator.engine;
  const [warned, lines] = [Promise.withResolvers<string>(), new PassThrough()];
  let healthPort = 0;
  createInterface({ input: lines }).on('line', (line) => {
    const said = JSON.parse(line) as { healthPort?: number; code?: string; cause?: string };
    healthPort = said.healthPort ?? healthPort;
    if (said.code === 'BLOBS_ELSEWHERE') warned.resolve(said.cause ?? '');
  });
  const apart = { ...federation.config, dataDirectory: join(tempDir(), 'data') };
  const stopping = new AbortController();
  onTestFinished(() => stopping.abort());
  const waiting = startCoordinator(apart, {
    environment,
    standby: stopping.signal,
    log: makeLog('info', { to: lines }),
  });
  expect(await warned.promise).toContain(`${join(apart.dataDirectory, 'blobs')} holds no model`);
  expect(await (await fetch(`http://127.0.0.1:${healthPort}/readyz`)).text()).toContain('BLOBS_ELSEWHERE');

  await federation.coordinator.close();
  expect(await waiting).toMatchObject({ ok: false, fault: { code: 'BLOBS_ELSEWHERE' } });

  mkdirSync(apart.dataDirectory, { mode: 0o700 });
  symlinkSync(join(federation.config.dataDirectory, 'blobs'), join(apart.dataDirectory, 'blobs'));
  const next = unwrap(await startCoordinator(apart, { environment, standby: stopping.signal }));
  expect(next.engine.epoch).toBe(epoch + 1); // The refused one had taken nothing over.
  await next.close();
});
