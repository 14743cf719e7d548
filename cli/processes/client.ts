import { Command } from '@commander-js/extra-typings';
import { startClient } from '../../client/client.ts';
import { readClientConfig } from '../../client/config.ts';
import { complain, print } from '../print.ts';

/** `testudo client`: one cluster's client, until a signal ends it. */
export function clientCommand() {
  return new Command('client')
    .description("Run a cluster's client: learn from local system calls, take part in rounds, raise alerts.")
    .option('-c, --config <file>', 'YAML configuration')
    .option(
      '-s, --set <path=value>',
      'a setting over the file and the environment, such as coordinator.addresses=[..]; repeatable',
      (value: string, before: string[]) => [...before, value],
      [] as string[],
    )
    .option('--check', 'check the configuration and stop')
    .action(async (options) => {
      const config = readClientConfig(options.config, { environment: process.env, settings: options.set });
      if (!config.ok) return fail(config.fault.message);
      if (options.check === true) {
        print('configuration is sound');
        return;
      }
      const started = await startClient(config.value);
      if (!started.ok) return fail(started.fault.message);
      const client = started.value;
      const stop = () => void client.close();
      process.once('SIGTERM', stop);
      process.once('SIGINT', stop);
      const fault = await client.done;
      if (fault === undefined) return;
      await client.close();
      fail(fault.message);
    });
}

function fail(message: string): void {
  complain(`testudo client: ${message}`);
  process.exitCode = 1;
}
