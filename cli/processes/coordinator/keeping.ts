import { Command } from '@commander-js/extra-typings';
import { type Fault, refuse } from '../../../base/fault.ts';
import { systemTimers } from '../../../base/system-timers.ts';
import { jsonLine } from '../../../base/text/table.ts';
import { readConfigFile } from '../../../coordinator/config/config.ts';
import { endWith, exitWith, orExit } from '../../exit.ts';
import { print } from '../../print.ts';
import { withDatabase, withJournal } from './database.ts';

/** `testudo coordinator verify`: walks the journal's hash chain; safe beside a running coordinator. */
export function verifyCommand() {
  return new Command('verify')
    .description(
      'check the whole journal: every entry, its place in the chain, its epoch; and the heads that were signed of it',
    )
    .option('-c, --config <file>', "the coordinator's configuration", './coordinator.yaml')
    .option('--json', 'as JSON')
    .action(async ({ config, json }) => {
      const settings = orExit(readConfigFile(config, { environment: process.env }));
      const { dataDirectory, journal } = settings;
      const { verifyDataDir } = await import('../../../coordinator/backup.ts');
      const { verifyDatabase } = await import('../../../coordinator/database-copy.ts');
      const { storedHeads, verifyStoredHeads } = await import('../../../coordinator/transparency/verify-stored.ts');
      const stored = await storedHeads(dataDirectory);
      const verified =
        journal.postgres === null ? verifyDataDir(dataDirectory) : await withDatabase(journal.postgres, verifyDatabase);
      const { seq, chain } = orExit(verified);
      const heads = orExit(await withJournal(settings, (folder) => verifyStoredHeads(stored, folder)));
      const inFiles = journal.postgres === null && settings.blobs.s3 === null;
      const { missingBlobs } = await import('../../../coordinator/blob-backup.ts');
      const missing = inFiles ? orExit(missingBlobs(dataDirectory)) : [];
      if (json) print(jsonLine({ entries: seq, chain, checkpoints: heads, blobsMissing: missing }));
      else {
        const signed = heads === 0 ? '' : `; it has the ${heads} heads that were signed`;
        print(`the journal is sound: ${seq} entries, chain ${chain}${signed}`);
      }
      if (missing.length > 0) endWith(missingFault(`of what it names ${dataDirectory} lacks`, missing));
    });
}

/** A release that was retired between journal and blobs is the one innocent cause: then another try finds nothing. */
function missingFault(what: string, missing: readonly string[]): Fault<'BLOBS_MISSING'> {
  const first = `${missing[0]}${missing.length > 1 ? ` and ${missing.length - 1} more` : ''}`;
  return refuse('BLOBS_MISSING', `${what} ${first}: try again, and bring them back from an earlier backup`).fault;
}

/** `testudo coordinator backup`: a copy that can be started elsewhere; safe beside a running coordinator. */
export function backupCommand() {
  return new Command('backup')
    .description('copy the data directory, verified, without stopping the coordinator')
    .option('-c, --config <file>', "the coordinator's configuration", './coordinator.yaml')
    .requiredOption('--to <folder>', 'a new folder; keep it as safe as the data directory itself')
    .option('--json', 'as JSON')
    .action(async ({ config, to, json }) => {
      const settings = orExit(readConfigFile(config, { environment: process.env }));
      const { dataDirectory, journal } = settings;
      const { backUp } = await import('../../../coordinator/backup.ts');
      const { backUpDatabase } = await import('../../../coordinator/database-copy.ts');
      const copied =
        journal.postgres === null
          ? await backUp(dataDirectory, to)
          : await withDatabase(journal.postgres, (link) => backUpDatabase(link, dataDirectory, to));
      const { seq, chain } = orExit(copied);
      const { backUpBucket, damagedBlobs, missingBlobs } = await import('../../../coordinator/blob-backup.ts');
      if (settings.blobs.s3 !== null) {
        orExit(await backUpBucket(settings, { environment: process.env, timers: systemTimers }, to));
      }
      const missing = orExit(missingBlobs(to));
      if (missing.length > 0) {
        exitWith(missingFault(`${to} holds the journal up to entry ${seq}, but of what that names it lacks`, missing));
      }
      const damaged = await damagedBlobs(to);
      if (damaged.length > 0) {
        const found = `${damaged.length} of its blobs are not what their names say, beginning with ${damaged[0]}`;
        const message = `${to} holds the journal up to entry ${seq}, but ${found}: bring them back from an earlier backup`;
        return exitWith({ code: 'BLOBS_DAMAGED', message });
      }
      if (json) return print(jsonLine({ folder: to, entries: seq, chain }));
      print(`${to} holds the journal up to entry ${seq}, chain ${chain}`);
    });
}
