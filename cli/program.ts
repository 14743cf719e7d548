import { Command, type CommanderError, type CommandUnknownOpts } from '@commander-js/extra-typings';
import { buildVersion } from '../base/build-version.ts';
import { exitCodes, exitUncaught } from './exit.ts';
import { about } from './help.ts';
import { offeredVerbs, ownGroup } from './verbs.ts';

/** Runs one command line, without `testudo` itself, to its end. */
export async function runProgram(words: readonly string[]): Promise<void> {
  const program = new Command('testudo')
    .description(about)
    .version(buildVersion())
    .enablePositionalOptions() // What stands after a verb is the verb's.
    .showHelpAfterError('(add --help for what is possible)')
    .commandsGroup(`${ownGroup}:`)
    .helpCommand(true) // Under that heading; every other verb says its own.
    .exitOverride(exitOnUsage);

  const wanted = words.find((word) => !word.startsWith('-'));
  for (const [name, { group, summary, load }] of offeredVerbs()) {
    if (name === wanted) program.addCommand(heldToUsage(await load(everyCommand)).helpGroup(`${group}:`));
    else program.command(name).description(summary).helpGroup(`${group}:`);
  }
  await program.parseAsync(words, { from: 'user' }).catch(exitUncaught);
}

/** Every verb that is offered, whole and under its heading: for what must know all options. */
async function everyCommand(): Promise<readonly CommandUnknownOpts[]> {
  const commands: CommandUnknownOpts[] = [];
  for (const [, { group, load }] of offeredVerbs()) commands.push((await load(everyCommand)).helpGroup(group));
  return commands;
}

/** Wrong command lines end alike, also those of a verb's own verbs, which inherit nothing. */
function heldToUsage(command: CommandUnknownOpts): CommandUnknownOpts {
  command.exitOverride(exitOnUsage).showHelpAfterError('(add --help for what is possible)');
  command.configureOutput({ outputError: (text, write) => write(meantIn(text, command)) });
  for (const child of command.commands) heldToUsage(child);
  return command;
}

/** What people call what has another name here: by likeness alone `--for 2h` is answered with `--force`, which overrides a refusal. */
const alsoCalled: Readonly<Record<string, readonly string[]>> = {
  '--for': ['--until', '--hours', '--days', '--valid-days'],
};

/** The error with the option that was meant, where that is known, in the place of the one that is spelt most like it. */
function meantIn(text: string, { options }: CommandUnknownOpts): string {
  const [said = ''] = text.split('\n');
  const others = alsoCalled[/unknown option '(.+)'/.exec(said)?.[1] ?? ''];
  if (others === undefined) return text;
  const meant = others.find((name) => options.some(({ long }) => long === name));
  return meant === undefined ? `${said}\n` : `${said}\n(Did you mean ${meant}?)\n`;
}

function exitOnUsage(error: CommanderError): never {
  return process.exit(error.exitCode === 0 ? exitCodes.done : exitCodes.usage);
}
