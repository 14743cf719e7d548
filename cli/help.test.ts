import { Command } from '@commander-js/extra-typings';
import { expect, it } from 'vitest';
import { about, helpText } from './help.ts';
import { runTestudo } from './testing/command-line.ts';
import { offeredVerbs } from './verbs.ts';

it('the help that is printed at once is the one of the library that reads command lines, however wide a terminal is', async () => {
  for (const columns of [30, 50, 61, 80, 132, 400]) {
    const program = new Command('testudo').description(about).version('0').configureHelp({ helpWidth: columns });
    for (const [name, { summary }] of offeredVerbs()) program.command(name).description(summary);
    expect(`${helpText(columns)}\n`).toBe(program.helpInformation());
  }
  const [long, short, whole] = await Promise.all(['--help', '-h', 'help'].map((word) => runTestudo(word)));
  expect(long).toEqual({ code: 0, out: `${helpText()}\n`, error: '' });
  expect(short).toEqual(long);
  expect(whole).toEqual(long); // Which the library prints.
}, 600_000);
