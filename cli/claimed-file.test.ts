import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readCredentials } from '../coordinator/keys/operator-credentials.ts';
import { tempDir } from '../coordinator/testing/temp-dir.ts';
import { CommandLine, spawnTestudo } from './testing/command-line.ts';

const enrol = ['--enrol', '127.0.0.1:7441'];
const reason = ['--reason', 'test'];

it.each([
  ['doors', ['--leader', '127.0.0.1:7442', ...enrol]],
  ['operators', []],
] as const)(
  '%s add changes nothing where its file cannot be written: the key that is there stays good',
  async (verb, more) => {
    const line = await CommandLine.start();
    const add = (out: string) => line.run(verb, 'add', 'edge', '--out', out, ...more, ...reason);
    const out = join(line.folder, 'edge.json');
    expect(await add(out)).toMatchObject({ code: 0 });
    const given = readFileSync(out, 'utf8');
    const seq = line.federation.coordinator.engine.state().seq;

    expect(await add(out)).toMatchObject({
      code: 1,
      error: expect.stringMatching(/^CREDENTIALS_EXIST: .*move it away/),
    });
    expect(await add(join(line.folder, 'nowhere', 'edge.json'))).toMatchObject({
      code: 1,
      error: expect.stringContaining('is the path right?'),
    });
    expect(line.federation.coordinator.engine.state().seq).toBe(seq);
    expect(readFileSync(out, 'utf8')).toBe(given);
    expect(existsSync(join(line.folder, 'nowhere'))).toBe(false);
  },
  600_000,
);

/** Each in a process of its own, started together. What wins is the kernel's affair; that one does is ours. */
const atOnce = (lines: readonly (readonly string[])[]) => Promise.all(lines.map((words) => spawnTestudo(...words)));

describe('of two commands at once that would write the same file', () => {
  it.each([
    ['tokens create', 'OUTPUT_EXISTS', (out: string, name: string) => ['tokens', 'create', name, '--kit', out]],
    [
      'operators add',
      'CREDENTIALS_EXIST',
      (out: string, name: string) => ['operators', 'add', name, '--out', out, ...reason],
    ],
    [
      'doors add',
      'CREDENTIALS_EXIST',
      (out: string, name: string) => ['doors', 'add', name, '--out', out, '--leader', '127.0.0.1:7442', ...reason],
    ],
  ] as const)(
    '%s makes one thing, and the other ends having made none',
    async (_, code, words) => {
      const line = await CommandLine.start();
      const out = join(line.folder, 'same');
      const { engine } = line.federation.coordinator;
      const before = engine.state().seq;
      const given = [
        '--credentials',
        line.credentials('admin'),
        '--address',
        line.federation.coordinator.addresses.federation,
      ];
      const ended = await atOnce(['one', 'two'].map((name) => [...words(out, name), ...given]));
      expect(ended.map(({ code }) => code).sort()).toEqual([0, 1]);
      expect(ended.find((one) => one.code === 1)?.error).toContain(`${code}: `);
      expect(engine.state().seq).toBe(before + 1);
    },
    600_000,
  );

  it('coordinator init makes one admin, whose credentials stay good', async () => {
    const folder = join(tempDir(), 'node');
    const ended = await atOnce([0, 1].map(() => ['coordinator', 'init', folder, '--classes', 'nginx']));
    expect(ended.map(({ code }) => code).sort()).toEqual([0, 1]);
    expect(ended.find((one) => one.code === 1)?.error).toContain('CREDENTIALS_EXIST: ');
    expect(readdirSync(folder)).toContain('coordinator.yaml');
    expect(await readCredentials(join(folder, 'operator.json'))).toMatchObject({ ok: true });
  }, 600_000);
});

it('a name that a killed command took is told as such, and nothing else is left by one that was refused', async () => {
  const line = await CommandLine.start();
  const folder = join(line.folder, 'kits', 'eu');
  expect(await line.run('tokens', 'create', 'not legal', '--kit', folder)).toMatchObject({ code: 1 });
  expect(existsSync(join(line.folder, 'kits'))).toBe(false);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'client.yaml'), '');
  expect(await line.run('tokens', 'create', 'eu', '--kit', folder)).toMatchObject({
    code: 1,
    error: expect.stringMatching(/^OUTPUT_EXISTS: .*and empty.*remove the file/),
  });
}, 600_000);

it("a door finds newcomers' way at the leaders that were named, whatever one's own credentials say of another", async () => {
  const line = await CommandLine.start();
  const add = async (name: string, ...words: readonly string[]) => {
    const out = join(line.folder, `${name}.json`);
    expect(await line.run('doors', 'add', name, '--out', out, ...reason, ...words)).toMatchObject({ code: 0 });
    return JSON.parse(readFileSync(out, 'utf8')) as { addresses: string[]; enrolAddresses: string[] };
  };
  expect(await add('one', '--leader', 'one.example:7442,two.example:7442')).toMatchObject({
    addresses: ['one.example:7442', 'two.example:7442'],
    enrolAddresses: ['one.example:7441', 'two.example:7441'],
  });
}, 600_000);
