import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Command, type CommandUnknownOpts } from '@commander-js/extra-typings';
import { makeFolder } from '../../base/atomic-file.ts';
import { packageVersion } from '../../base/build-version.ts';
import { usage } from '../exit.ts';
import { print } from '../print.ts';

/** `testudo man`: what `--help` says, as pages for `man`. `commands`: every verb that there is here. */
export function manCommand(commands: () => Promise<readonly CommandUnknownOpts[]>) {
  return new Command('man')
    .description('manual pages: one verb on standard output, or all into a folder')
    .argument('[verb]', 'such as rounds; the page of testudo itself unless given')
    .option('--to <folder>', 'write a page for each verb there, as testudo-rounds.1')
    .addHelpText('after', '\nRead one with: testudo man rounds | man -l -')
    .action(async (verb, { to }) => {
      const all = await commands();
      if (to === undefined) return print(pageOf(verb, all).trimEnd());
      makeFolder(to);
      await writeFile(join(to, 'testudo.1'), overview(all));
      for (const command of all) await writeFile(join(to, `testudo-${command.name()}.1`), page(command));
    });
}

function pageOf(verb: string | undefined, all: readonly CommandUnknownOpts[]): string {
  if (verb === undefined) return overview(all);
  const command = all.find((one) => one.name() === verb);
  return command === undefined ? usage(`there is no verb ${verb}; testudo --help has them all`) : page(command);
}

function overview(all: readonly CommandUnknownOpts[]): string {
  const groups = Map.groupBy(all, (command) => command.helpGroup());
  const sections = [...groups].map(
    ([group, commands]) => `.SS ${text(group)}
${commands.map((command) => entry(`testudo-${command.name()}(1)`, command.description())).join('')}`,
  );
  return `${head('testudo', 'federated learning for intrusion detectors')}.SH SYNOPSIS
.B testudo
.I verb
[\\fIoptions\\fR]
.SH VERBS
${sections.join('')}`;
}

function page(command: CommandUnknownOpts): string {
  const name = command.name();
  return `${head(`testudo-${name}`, command.description())}.SH SYNOPSIS
${synopses(command, ['testudo'])}.SH DESCRIPTION
${text(command.description())}
${options(command)}${children(command, ['testudo', name])}.SH SEE ALSO
.BR testudo (1)
`;
}

function head(name: string, about: string): string {
  return `.TH ${name.toUpperCase()} 1 "" "testudo ${text(packageVersion())}"
.SH NAME
${text(name)} \\- ${text(about.split('\n')[0] ?? '')}
`;
}

function synopses(command: CommandUnknownOpts, before: readonly string[]): string {
  return `.B ${text([...before, command.name()].join(' '))}
${text(command.usage())}
.br
`;
}

function children(command: CommandUnknownOpts, path: readonly string[]): string {
  const own = command.commands.filter((child) => child.name() !== 'help');
  return own
    .map((child) => {
      const words = [...path, child.name()];
      return `.SH ${text(words.join(' ').toUpperCase())}
${synopses(child, path)}.PP
${text(child.description())}
${options(child)}${children(child, words)}`;
    })
    .join('');
}

function options(command: CommandUnknownOpts): string {
  const entries = [
    ...command.registeredArguments.map((argument) => entry(argument.name(), argument.description)),
    ...command.options.map((option) => entry(option.flags, defaulted(option.description, option.defaultValue))),
  ];
  return entries.join('');
}

function defaulted(description: string, value: unknown): string {
  const isSaid = value !== undefined && value !== false && !(Array.isArray(value) && value.length === 0);
  return isSaid ? `${description} (default: ${String(value)})` : description;
}

function entry(term: string, about: string): string {
  return `.TP
.B ${text(term)}
${about === '' ? '\\&' : text(about)}
`;
}

/** Pages are ASCII, whatever the reader's encoding. Roff takes a backslash anywhere and a dot or quote at the start of a line for orders of its own. */
function text(plain: string): string {
  return plain
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replace(/\P{ASCII}/gu, (letter) => `\\[u${letter.codePointAt(0)?.toString(16).toUpperCase().padStart(4, '0')}]`)
    .split('\n')
    .map((line) => (/^[.']/.test(line) ? `\\&${line}` : line))
    .join('\n');
}
