import { Command } from '@commander-js/extra-typings';
import { keepHeapSmall } from '../../base/heap.ts';
import { endWith } from '../exit.ts';
import { print } from '../print.ts';

/** `testudo sensor`: one node's sensor, until a signal ends it. */
export function sensorCommand() {
  return new Command('sensor')
    .description("Run a node's sensor: score its events, raise alerts, and tell the cluster's client what it asks for.")
    .option('-c, --config <file>', 'YAML configuration')
    .option(
      '-s, --set <path=value>',
      'a setting over the file and the environment, such as budget.coresMax=0.2; repeatable',
      (value: string, before: string[]) => [...before, value],
      [] as string[],
    )
    .option('--check', 'check the configuration and stop')
    .action(async (options) => {
      keepHeapSmall();
      const { readSensorConfig } = await import('../../client/sensor-config.ts');
      const config = readSensorConfig(options.config, { environment: process.env, settings: options.set });
      if (!config.ok) return endWith(config.fault);
      if (options.check === true) return print('configuration is sound');
      const { startSensor } = await import('../../client/sensor.ts');
      const started = await startSensor(config.value);
      if (!started.ok) return endWith(started.fault);
      const sensor = started.value;
      const stop = () => void sensor.close();
      process.once('SIGTERM', stop);
      process.once('SIGINT', stop);
      return undefined;
    });
}
