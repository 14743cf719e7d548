import { join } from 'node:path';
import { expect, it } from 'vitest';
import { tempDir } from '../../coordinator/testing/temp-dir.ts';
import { runTestudo, spawnTestudo } from './command-line.ts';

/** A command of every kind of ending; the last one listens at nobody's, so that nobody answers. */
const lines = (folder: string): readonly (readonly string[])[] => [
  ['--version'],
  ['rounds', '--help'],
  ['rounds'],
  ['rubbish'],
  ['tokens', 'create', '--lifetime', 'long'],
  ['tokens', 'list', '--credentials', join(folder, 'none.json')],
  ['coordinator', 'config-schema'],
  ['model', 'show', join(folder, 'none')],
  ['agent', 'status', '--address', '127.0.0.1:1'],
];

it('commands that share a process end as each would in one of its own, in any order and more than once', async () => {
  const all = lines(tempDir());
  const alone = await Promise.all(all.map((words) => spawnTestudo(...words)));
  const codes = new Set(alone.map(({ code }) => code));
  expect(codes).toEqual(new Set([0, 1, 2, 3]));
  for (const order of [all, all.toReversed()]) {
    for (const words of order) expect(await runTestudo(...words), words.join(' ')).toEqual(alone[all.indexOf(words)]);
  }
});
