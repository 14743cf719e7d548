import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { lineOf } from '../../client/tracks/score-lines.ts';
import { runTestudo } from '../testing/command-line.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'testudo-names-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

it('a line of scores has as many columns as fields, and nothing in it that a terminal obeys', () => {
  expect(lineOf(['a\tb\nc', '\x1b[2J\x9b1m', 'gpj.\u202egnp', 'über 東京'])).toBe(
    'a?b?c\t?[2J?1m\tgpj.?gnp\tüber 東京\n',
  );
});

it.each(['a\tb', 'a\nb', '\x1b[31mred', 'a\u202eb', ''])(
  'record refuses %j as the name of a workload, which is a column of its file, and runs nothing',
  async (name) => {
    const ran = join(folder, 'ran');
    const ended = await runTestudo('record', '--workload', name, '--output', join(folder, 'r.tsv'), '--', 'touch', ran);
    expect(ended).toMatchObject({ code: 2, out: '' });
    expect(ended.error).toMatch(/^USAGE: --workload: expected a name/);
    await expect(readFile(ran)).rejects.toThrow('ENOENT');
  },
);

it('profile says of a file of another kind what is wrong with its first lines, and how many more there are', async () => {
  const input = join(folder, 'rows.csv');
  await writeFile(input, 'a,b,c\n'.repeat(300));
  const ended = await runTestudo('profile', input, '--output', join(folder, 'baseline.json'));
  const lines = ended.error.trimEnd().split('\n');
  expect({ code: ended.code, lines: lines.length }).toEqual({ code: 1, lines: 21 });
  expect(lines.at(-2)).toBe('testudo profile: and 281 more');
  expect(lines.at(-1)).toMatch(/INPUT_UNREADABLE: no benign trace/);
});
