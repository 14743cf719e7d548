import { Command } from '@commander-js/extra-typings';
import { systemTimers } from '../../base/system-timers.ts';
import { endWith } from '../exit.ts';
import { print } from '../print.ts';

/** `testudo node-helper`: what freezes and copies pods of its node for the agent, until a signal ends it. */
export function nodeHelperCommand() {
  return new Command('node-helper')
    .description("Run a node's helper: freeze a pod for the agent that asks, and copy what its processes are.")
    .option('-c, --config <file>', 'YAML configuration')
    .option(
      '-s, --set <path=value>',
      'a setting over the file and the environment, such as memoryBytesMax=1000000; repeatable',
      (value: string, before: string[]) => [...before, value],
      [] as string[],
    )
    .option('--check', 'check the configuration and stop')
    .action(async (options) => {
      const { readHelperConfig } = await import('../../client/capture/helper-config.ts');
      const config = readHelperConfig(options.config, { environment: process.env, settings: options.set });
      if (!config.ok) return endWith(config.fault);
      if (options.check === true) return print('configuration is sound');
      const { startHelper } = await import('../../client/capture/helper.ts');
      const started = await startHelper(config.value, { timers: systemTimers });
      if (!started.ok) return endWith(started.fault);
      const stop = () => void started.value.close();
      process.once('SIGTERM', stop);
      process.once('SIGINT', stop);
      return undefined;
    });
}
