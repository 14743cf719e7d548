import { Command } from '@commander-js/extra-typings';
import { doorConfigJsonSchema, readDoorConfig } from '../../door/config.ts';
import { schemaCommand } from '../config-schema.ts';
import { orExit } from '../exit.ts';
import { startRefused, stopAsked } from './coordinator/running.ts';

/** `testudo door`: takes clusters' calls in front of the coordinator that leads. */
export function doorCommand() {
  return new Command('door')
    .description("take clusters' calls in front of a coordinator: TLS, checks, sealed bytes; the coordinator decides")
    .enablePositionalOptions() // --config after a verb of ours is that verb's.
    .option('-c, --config <file>', 'its configuration', './door.yaml')
    .option('-s, --set <path=value...>', 'settings that win over the file and the environment')
    .action(async ({ config: path, set }) => {
      const config = orExit(readDoorConfig(path, { environment: process.env, settings: set ?? [] }));
      const { startDoor } = await import('../../door/door.ts');
      const door = orExit(await startDoor(config).catch(startRefused));
      await stopAsked(door.halted);
      await door.close();
    })
    .addCommand(schemaCommand('door.yaml', doorConfigJsonSchema));
}
