import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { tempDir } from '../../coordinator/testing/temp-dir.ts';
import { CommandLine, runTestudo } from '../testing/command-line.ts';

const before = process.env.TESTUDO_CONFIG_HOME;

beforeEach(() => {
  process.env.TESTUDO_CONFIG_HOME = tempDir(); // Of the commands that the test starts, too.
});

afterEach(() => {
  if (before === undefined) delete process.env.TESTUDO_CONFIG_HOME;
  else process.env.TESTUDO_CONFIG_HOME = before;
});

describe('testudo context', { timeout: 600_000 }, () => {
  it('passes over what a newer build has written beside contexts, and keeps it', async () => {
    const [contexts, folder] = [{ prod: { credentials: '/p', tint: 'red' }, looks: { credentials: '/l' } }, tempDir()];
    process.env.TESTUDO_CONFIG_HOME = folder;
    const path = join(folder, 'contexts.json');
    await writeFile(path, JSON.stringify({ current: null, contexts, theme: 'dark' }));
    expect(await runTestudo('context', 'use', 'prod')).toMatchObject({ code: 0 });
    expect(await runTestudo('context', 'remove', 'looks')).toMatchObject({ code: 0 });
    const { prod } = contexts;
    expect(JSON.parse(await readFile(path, 'utf8'))).toEqual({ current: 'prod', contexts: { prod }, theme: 'dark' });
  });

  it('names federations, of which commands speak to the current one, or to the one that is asked for', async () => {
    const line = await CommandLine.start();
    await line.hire('ada', 'viewer');
    const address = ['--address', line.federation.coordinator.addresses.federation];
    const alone = await line.offline('clusters', 'list');
    expect(alone.code).toBe(1); // No ./operator.json here, and no context.

    const prod = await line.offline('context', 'add', 'prod', '-c', line.credentials('admin'), ...address);
    expect(prod).toMatchObject({ code: 0, out: 'prod: admin of herd, current\n' });
    const second = await line.offline('context', 'add', 'looks', '-c', line.credentials('admin'), ...address);
    expect(second).toMatchObject({ code: 0, out: 'looks: admin of herd\n' });
    expect(second.error).toBe('commands go on speaking to prod; `testudo context use looks` changes that\n');
    const replaced = await line.offline('context', 'add', 'looks', '-c', line.credentials('ada'), ...address);
    expect(replaced).toMatchObject({
      code: 0,
      error: expect.stringContaining(`it was ${line.credentials('admin')} before\n`),
    });
    expect((await line.offline('tokens', 'create', 'eu-1')).code).toBe(0);
    const viewer = await line.offline('tokens', 'create', 'eu-2', '--context', 'looks');
    expect(viewer).toMatchObject({ code: 1, error: expect.stringContaining('ROLE_INSUFFICIENT') });
    const misspelt = await line.offline('status', '--context', 'lokos');
    expect(misspelt).toMatchObject({
      code: 1,
      error: expect.stringContaining('no context lokos; did you mean looks?'),
    });

    expect((await line.offline('context', 'use', 'looks')).out).toBe('looks is current\n');
    expect((await line.offline('tokens', 'create', 'eu-3')).error).toContain('ROLE_INSUFFICIENT');
    const said = await line.offline('tokens', 'create', 'eu-3', '-c', line.credentials('admin'), ...address);
    expect(said.code, said.error).toBe(0); // What is said counts.
    const listed = (await line.offline('context', 'list', '--json')).out.trimEnd().split('\n');
    expect(listed.map((row) => JSON.parse(row)).map(({ name, current }) => [name, current])).toEqual([
      ['looks', true],
      ['prod', false],
    ]);
    expect((await line.offline('context', 'remove', 'looks')).code).toBe(0);
    expect((await line.offline('tokens', 'create', 'eu-4')).code).toBe(1);
  });
});
