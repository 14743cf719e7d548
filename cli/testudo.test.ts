import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { init, parse } from 'es-module-lexer';
import { expect, it } from 'vitest';
import { otherNode, withoutOptions } from './testing/other-node.ts';

const entry = fileURLToPath(new URL('./testudo.mjs', import.meta.url));

it('what `testudo` starts can be read by any Node: it links nothing before it has looked which one this is', async () => {
  await init;
  const [imports] = parse(readFileSync(entry, 'utf8'));
  const named = (type: string) =>
    imports.flatMap((one) => (one.type === type && 'specifier' in one ? [one.specifier] : []));
  expect(named('static')).toEqual(['../base/require-node.mjs']);
  expect(named('dynamic')).toEqual(['./compile-cache.ts', './testudo.ts']);
  const [ofGuard] = parse(readFileSync(new URL('../base/require-node.mjs', import.meta.url), 'utf8'));
  expect(ofGuard).toEqual([]);
});

const other = otherNode();

it.skipIf(other === undefined).each([['--version'], ['rounds', 'list']])(
  'a real Node of another version is told which one is needed, in one line, whatever is asked for: %s',
  (...words) => {
    const { status, stdout, stderr } = spawnSync(other as string, [entry, ...words], {
      encoding: 'utf8',
      env: withoutOptions(),
    });
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(stderr).toMatch(/^Testudo needs Node 22 \(22\.15 or newer\), and this is Node \d+\.\d+\.\d+: install .*\n$/);
  },
);

it('Node 22 gets to the command', () => {
  const { status, stdout } = spawnSync(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', entry, '--version'],
    {
      encoding: 'utf8',
    },
  );
  expect({ status, stdout }).toEqual({ status: 0, stdout: expect.stringMatching(/^\d+\.\d+\.\d+/) });
});
