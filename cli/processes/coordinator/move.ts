import { Command, Option } from '@commander-js/extra-typings';
import { systemTimers } from '../../../base/system-timers.ts';
import { readConfigFile } from '../../../coordinator/config/config.ts';
import { exitWith, orExit } from '../../exit.ts';
import { complain, print } from '../../print.ts';
import { withDatabase } from './database.ts';

/** `testudo coordinator move`: what is true, and the keys, between a data directory and a database. */
export function moveCommand() {
  return new Command('move')
    .description(
      'move journal, keys and identity into the database of journal.postgres, or back; stop the coordinator first',
    )
    .option('-c, --config <file>', "the coordinator's configuration, with journal.postgres", './coordinator.yaml')
    .addOption(
      new Option('--to <where>', 'where they go').choices(['postgres', 'sqlite'] as const).makeOptionMandatory(),
    )
    .action(async ({ config, to }) => {
      const settings = orExit(readConfigFile(config, { environment: process.env }));
      const { dataDirectory, journal } = settings;
      if (journal.postgres === null) {
        const message = `${config} names no database: set journal.postgres, for either way`;
        return exitWith({ code: 'CONFIG_INVALID', message });
      }
      if (to === 'postgres') {
        // What the next start would be refused for is better known while there is one that can be started.
        const { openBlobPlace } = await import('../../../coordinator/blob-place.ts');
        orExit(await openBlobPlace(settings, process.env, systemTimers, complain))?.close();
      }
      const { moveToDatabase, moveToFolder } = await import('../../../coordinator/move-journal.ts');
      const { seq, chain } = await withDatabase(journal.postgres, async (link) =>
        orExit(await (to === 'postgres' ? moveToDatabase(dataDirectory, link) : moveToFolder(link, dataDirectory))),
      );
      print(`moved to ${to}: ${seq} entries, chain ${chain}, as before`);
      if (to === 'sqlite') print('take journal.postgres out of the configuration, then start the coordinator');
    });
}
