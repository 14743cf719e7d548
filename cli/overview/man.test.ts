import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { tempDir } from '../../coordinator/testing/temp-dir.ts';
import { runTestudo } from '../testing/command-line.ts';

it('every verb has a manual page, with every verb and option of its own, and none that man would take for an order', async () => {
  const folder = tempDir();
  expect(await runTestudo('man', '--to', folder)).toEqual({ code: 0, out: '', error: '' });
  const help = await runTestudo('--help');
  const verbs = [...help.out.matchAll(/^ {2}([a-z][a-z-]*)/gm)].map(([, verb]) => verb as string);
  const pages = readdirSync(folder).sort();
  expect(pages).toEqual(
    ['testudo.1', ...verbs.filter((verb) => verb !== 'help').map((verb) => `testudo-${verb}.1`)].sort(),
  );
  const headings = [...help.out.matchAll(/^([A-Z].*):$/gm)].map(([, heading]) => heading as string).slice(1); // But Options.
  const all = readFileSync(join(folder, 'testudo.1'), 'utf8');
  expect([...all.matchAll(/^\.SS (.*)$/gm)].map(([, heading]) => heading)).toEqual(headings);

  const rounds = readFileSync(join(folder, 'testudo-rounds.1'), 'utf8');
  expect(rounds).toContain('.SH TESTUDO ROUNDS OPEN\n');
  expect(rounds).toContain('.B \\-\\-wait\nuntil it has ended; ends with 1 when it gave no model\n');
  for (const name of pages) {
    const lines = readFileSync(join(folder, name), 'utf8').split('\n');
    const orders = lines.filter((line) => /^[.']/.test(line)).map((line) => line.split(' ')[0]);
    expect(new Set(orders)).toEqual(
      new Set(orders.filter((order) => /^\.(?:TH|SH|SS|B|BR|I|TP|PP|br)$/.test(order ?? ''))),
    );
  }
  const groff = spawnSync('groff', ['-man', '-Tutf8', '-ww', '-z', ...pages.map((name) => join(folder, name))]);
  if (groff.error === undefined) expect(groff.stderr.toString()).toBe('');

  expect(await runTestudo('man', 'opne')).toMatchObject({ code: 2 });
}, 600_000);
