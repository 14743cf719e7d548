import { Command } from '@commander-js/extra-typings';
import { expect, it } from 'vitest';
import { about, helpText } from './help.ts';
import { runTestudo } from './testing/command-line.ts';
import { offeredVerbs, ownGroup } from './verbs.ts';

it('the help that is printed at once is the one of the library that reads command lines, however wide a terminal is', async () => {
  for (const columns of [30, 50, 61, 80, 132, 400]) {
    const program = new Command('testudo').description(about).version('0').configureHelp({ helpWidth: columns });
    program.commandsGroup(`${ownGroup}:`).helpCommand(true);
    for (const [name, { group, summary }] of offeredVerbs()) {
      program.command(name).description(summary).helpGroup(`${group}:`);
    }
    expect(`${helpText(columns)}\n`).toBe(program.helpInformation());
  }
  const [long, short, whole] = await Promise.all(['--help', '-h', 'help'].map((word) => runTestudo(word)));
  expect(long).toEqual({ code: 0, out: `${helpText()}\n`, error: '' });
  expect(short).toEqual(long);
  expect(whole).toEqual(long); // Which the library prints.
}, 600_000);

it('the help has every verb once, under one of a few headings that hold a handful each', () => {
  const [, , , ...groups] = helpText().split('\n\n');
  const found = groups.map((group) => {
    const [heading, ...lines] = group.split('\n');
    return { heading, verbs: lines.flatMap((line) => /^ {2}([a-z][a-z-]*)/.exec(line)?.[1] ?? []) };
  });
  expect(found.flatMap((group) => group.verbs)).toEqual([...offeredVerbs().map(([name]) => name), 'help']);
  expect(new Set(found.map(({ heading }) => heading)).size).toBe(found.length);
  expect(found.length).toBeLessThanOrEqual(12);
  for (const { verbs } of found) expect(verbs.length).toBeLessThanOrEqual(12);
  expect(found.find(({ heading }) => heading === 'Rounds:')?.verbs).toContain('policy');
});
