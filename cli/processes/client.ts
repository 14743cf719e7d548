import { Command } from '@commander-js/extra-typings';
import { systemTimers } from '../../base/system-timers.ts';
import { shellWord } from '../../base/text/shell-word.ts';
import { startClient } from '../../client/client.ts';
import { type ClientConfig, clientConfigJsonSchema, readClientConfig } from '../../client/config.ts';
import { addressesIn } from '../../client/link/address.ts';
import { namedFileProblems } from '../../client/named-files.ts';
import { defaultKind } from '../../client/tracks/track-kinds.ts';
import { trySources } from '../../client/try-sources.ts';
import { schemaCommand } from '../config-schema.ts';
import { endWith, usage } from '../exit.ts';
import { claimKitFolder, writeClientKit } from '../kit/client-kit.ts';
import { checkAddresses, enrolAddressOf, enrolmentPortText } from '../operator/enrol-address.ts';
import { print } from '../print.ts';
import { durationMsOf, textOfTried } from './try-sources.ts';

/** `testudo client`: one cluster's client, until a signal ends it. */
export function clientCommand() {
  return new Command('client')
    .enablePositionalOptions() // --config after a verb of ours is that verb's.
    .description("Run a cluster's client: learn from local system calls, take part in rounds, raise alerts.")
    .option('-c, --config <file>', 'YAML configuration')
    .option(
      '-s, --set <path=value>',
      'a setting over the file and the environment, such as coordinator.addresses=[..]; repeatable',
      (value: string, before: string[]) => [...before, value],
      [] as string[],
    )
    .option('--check', 'check the configuration and stop')
    .option(
      '--try <duration>',
      'with --check: read the sources for so long, such as 30s, say what was understood, stop',
    )
    .action(async (options) => {
      const config = readClientConfig(options.config, { environment: process.env, settings: options.set });
      if (!config.ok) return endWith(config.fault);
      if (options.try !== undefined && options.check !== true) usage('--try goes with --check: it starts no client');
      if (options.check === true) {
        const problems = await namedFileProblems(config.value);
        if (problems.length > 0) return endWith({ code: 'CONFIG_INVALID', message: problems.join('\n') });
        print('configuration is sound');
        return options.try === undefined ? undefined : await tryOut(config.value, options.try);
      }
      const started = await startClient(config.value);
      if (!started.ok) return endWith(started.fault);
      const client = started.value;
      const stop = () => void client.close();
      process.once('SIGTERM', stop);
      process.once('SIGINT', stop);
      const fault = await client.done;
      if (fault === undefined) return;
      await client.close();
      endWith(fault);
    })
    .addCommand(initCommand())
    .addCommand(schemaCommand('client.yaml', clientConfigJsonSchema));
}

/** `testudo client init`: a configuration to edit, where no operator hands out a kit. */
function initCommand() {
  return new Command('init')
    .description('write a configuration to edit, and its JSON Schema for editors')
    .argument('[folder]', 'where they go', '.')
    .requiredOption('--coordinator <host:port>', 'where the coordinator is; several with commas between')
    .option('--enrol <host:port>', `where it enrols; unless given, ${enrolmentPortText}`)
    .option('--tracks <name...>', 'the tracks to take part in', [defaultKind])
    .action(async (folder, { coordinator, enrol, tracks }) => {
      checkAddresses('--coordinator', coordinator, addressesIn(coordinator));
      const enrolAddress = enrol ?? enrolAddressOf(coordinator);
      claimKitFolder(folder);
      const path = await writeClientKit(folder, { address: coordinator, enrolAddress, tracks });
      print(`${path} is to be edited: its sources, and the join token from \`testudo tokens create\`
check it  testudo client --config ${shellWord(path)} --check --try 30s
start it  testudo client --config ${shellWord(path)}`);
    });
}

/** Ends with 1 where a source gave nothing usable. */
async function tryOut(config: ClientConfig, duration: string): Promise<void> {
  const forMs = durationMsOf(duration) ?? usage(`--try: expected a duration such as 30s or 2m, got ${duration}`);
  if (config.sources.length === 0)
    return endWith({ code: 'CONFIG_INVALID', message: 'the configuration names no sources' });
  const tried = await trySources(config, forMs, systemTimers);
  for (const one of tried) print(textOfTried(one));
  const blind = tried.filter(({ isUsable }) => !isUsable).map(({ source }) => source);
  if (blind.length > 0) {
    endWith({ code: 'INPUT_UNREADABLE', message: `nothing usable came of ${blind.join(', ')}` });
  }
}
