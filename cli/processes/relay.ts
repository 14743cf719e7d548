import { Command } from '@commander-js/extra-typings';
import { letHeapGrow } from '../../base/heap.ts';
import { readConfigFile } from '../../coordinator/config/config.ts';
import { readRelayConfig, relayConfigJsonSchema } from '../../relay/config.ts';
import { schemaCommand } from '../config-schema.ts';
import { orExit } from '../exit.ts';
import { pagesFolder, startRefused, stopAsked } from './coordinator/running.ts';
import { initCommand } from './relay/init.ts';
import { joinCommand } from './relay/join.ts';

/** `testudo relay`: a region's coordinator, and its side to its parent, in one process. */
export function relayCommand() {
  return new Command('relay')
    .description('run a region: a coordinator for its clusters that is one member of a parent')
    .enablePositionalOptions() // --config after a verb of ours is that verb's.
    .option('-c, --config <file>', 'its configuration', './relay.yaml')
    .option(
      '-s, --set <path=value...>',
      "the region's coordinator's settings that win over its file and the environment",
    )
    .action(async ({ config: path, set }) => {
      letHeapGrow();
      const config = orExit(readRelayConfig(path, { environment: process.env }));
      const sources = { environment: process.env, settings: set ?? [] };
      const coordinator = orExit(readConfigFile(config.coordinator, sources));
      const { startRelay } = await import('../../relay/relay.ts');
      const { writeLightForm } = await import('./coordinator/light-form.ts');
      const { sampleReaderUrl } = await import('./coordinator/sample-reader-worker.ts');
      const given = { lightForm: writeLightForm, sampleReader: sampleReaderUrl, pages: pagesFolder };
      const relay = orExit(await startRelay(config, coordinator, given).catch(startRefused));
      await stopAsked(relay.coordinator.halted);
      await relay.close();
    })
    .addCommand(initCommand())
    .addCommand(schemaCommand('relay.yaml', relayConfigJsonSchema))
    .addCommand(joinCommand());
}
