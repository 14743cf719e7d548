#!/usr/bin/env node
import '../base/require-node.mjs'; // First: says so when this Node cannot run what follows.
import { readFileSync } from 'node:fs';
import { Command, type CommanderError, type CommandUnknownOpts } from '@commander-js/extra-typings';
import { buildVersion } from '../base/build-version.ts';
import { keepCompiled } from './compile-cache.ts';
import { exitCodes, exitUncaught } from './exit.ts';
import { endWithReaders } from './standard-streams.ts';
import { verbs } from './verbs.ts';

keepCompiled();
endWithReaders();
const program = new Command('testudo')
  .description(
    'Federated learning for intrusion detectors that run in many Kubernetes clusters, some of which may lie.',
  )
  .version(buildVersion())
  .enablePositionalOptions() // What stands after a verb is the verb's.
  .showHelpAfterError('(add --help for what is possible)')
  .exitOverride(exitOnUsage);

const wanted = process.argv.slice(2).find((argument) => !argument.startsWith('-'));
const offered = verbsOffered();
for (const [name, { summary, load }] of Object.entries(verbs)) {
  if (offered !== undefined && !offered.includes(name)) continue;
  if (name === wanted) program.addCommand(heldToUsage(await load(everyCommand)));
  else program.command(name).description(summary);
}
await program.parseAsync().catch(exitUncaught);

/** Every verb that is offered, whole: for what must know all options. */
async function everyCommand(): Promise<readonly CommandUnknownOpts[]> {
  const commands: CommandUnknownOpts[] = [];
  for (const [name, { load }] of Object.entries(verbs)) {
    const isHere = offered === undefined || offered.includes(name);
    if (isHere && name !== 'completion' && name !== 'man') commands.push(await load(everyCommand));
  }
  return commands;
}

/** The verbs whose code is here: an image holds some, and names them in its package.json. undefined: all. */
function verbsOffered(): readonly string[] | undefined {
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { verbs?: readonly string[] }).verbs;
}

/** Wrong command lines end alike, also those of a verb's own verbs, which inherit nothing. */
function heldToUsage(command: CommandUnknownOpts): CommandUnknownOpts {
  command.exitOverride(exitOnUsage).showHelpAfterError('(add --help for what is possible)');
  for (const child of command.commands) heldToUsage(child);
  return command;
}

function exitOnUsage(error: CommanderError): never {
  return process.exit(error.exitCode === 0 ? exitCodes.done : exitCodes.usage);
}
