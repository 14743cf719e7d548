import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { unwrap } from '../../base/fault.ts';
import { readClientConfig } from '../../client/config.ts';
import { tempDir } from '../../coordinator/testing/temp-dir.ts';
import { CommandLine, runTestudo } from '../testing/command-line.ts';

it('tokens create --kit makes a folder that a client starts from, and spends no token where one is there', async () => {
  const line = await CommandLine.start();
  const folder = join(tempDir(), 'eu-west-1');
  const created = await line.run(
    'tokens',
    'create',
    'eu-west-1',
    '--kit',
    folder,
    '--coordinator',
    'herd.example:7442',
  );
  expect(created).toMatchObject({ code: 0, out: '' });
  expect(created.error).toContain(`testudo client --config ${join(folder, 'client.yaml')}`);
  const config = unwrap(readClientConfig(join(folder, 'client.yaml')));
  expect(config).toMatchObject({
    coordinator: { addresses: [{ text: 'herd.example:7442' }], enrolAddress: { text: 'herd.example:7441' } },
    joinToken: { kind: 'file', path: join(folder, 'join-token') },
    agent: { trustAnchor: join(folder, 'root.json') },
  });
  const token = readFileSync(join(folder, 'join-token'), 'utf8').trim();
  expect(created.error).not.toContain(token);
  expect(statSync(join(folder, 'join-token')).mode & 0o777).toBe(0o600);
  expect(JSON.parse(readFileSync(join(folder, 'root.json'), 'utf8'))).toHaveProperty('signed');

  expect(created.error).not.toContain('you reach the coordinator');

  const tunnelled = await line.run('tokens', 'create', 'eu-west-2', '--kit', `${folder}-2`);
  expect(tunnelled).toMatchObject({
    code: 0,
    error: expect.stringContaining('you reach the coordinator at 127.0.0.1:'),
  });
  expect(tunnelled.error).toMatch(/If it shall too: --coordinator 127\.0\.0\.1:\d+ --enrol HOST:PORT/);

  const again = await line.run('tokens', 'create', 'eu-west-1', '--kit', folder);
  expect(again).toMatchObject({ code: 1, error: expect.stringContaining('OUTPUT_EXISTS') });

  const blocked = join(tempDir(), 'file');
  writeFileSync(blocked, '');
  mkdirSync(join(`${folder}-3`, 'join-token'), { recursive: true });
  for (const [place, said] of [
    [blocked, 'file is no folder'],
    [join(blocked, 'deeper'), 'file is no folder'],
    [`${folder}-3`, 'join-token is a folder'],
  ] as const) {
    expect(await line.run('tokens', 'create', 'eu-west-3', '--kit', place)).toMatchObject({
      code: 1,
      error: expect.stringContaining(said),
    });
  }
  const unborn = join(tempDir(), 'unborn');
  expect((await line.run('tokens', 'create', 'not legal', '--kit', unborn)).code).toBe(1);
  expect(existsSync(unborn)).toBe(false);

  const { out } = await line.run('tokens', 'list', '--json');
  expect(out.trim().split('\n')).toHaveLength(2);
}, 600_000);

it('client init writes the same without a coordinator, and a schema by which editors refuse what the client would', async () => {
  const folder = join(tempDir(), 'home');
  expect(await runTestudo('client', 'init', folder, '--coordinator', 'herd.example:7442')).toMatchObject({ code: 0 });
  const check = await runTestudo('client', '--config', join(folder, 'client.yaml'), '--check');
  expect(check).toMatchObject({ code: 0, out: 'configuration is sound\n' });
  const schema = z.fromJSONSchema(JSON.parse(readFileSync(join(folder, 'client.schema.json'), 'utf8')));
  const written = parse(readFileSync(join(folder, 'client.yaml'), 'utf8'));
  expect(schema.safeParse(written).success).toBe(true);
  expect(schema.safeParse({ ...written, sourcs: [] }).success).toBe(false);
  expect(schema.safeParse({ ...written, sources: [{ kind: 'tetragonFle', path: '/a' }] }).success).toBe(false);
}, 600_000);
