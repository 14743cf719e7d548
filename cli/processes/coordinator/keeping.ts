import { join } from 'node:path';
import { Command } from '@commander-js/extra-typings';
import { type Fault, refuse } from '../../../base/fault.ts';
import { systemTimers } from '../../../base/system-timers.ts';
import { jsonLine } from '../../../base/text/table.ts';
import type { BlobCheck } from '../../../coordinator/blob-check.ts';
import { readConfigFile } from '../../../coordinator/config/config.ts';
import { endWith, exitWith, orExit } from '../../exit.ts';
import { print } from '../../print.ts';
import { withDatabase, withJournal } from './database.ts';

/** `testudo coordinator verify`: walks the journal's hash chain and looks for its blobs; safe beside a running coordinator. */
export function verifyCommand() {
  return new Command('verify')
    .description(
      'check the whole journal: every entry, its place in the chain, its epoch; the heads that were signed of it; and whether the blobs that it needs are there',
    )
    .option('-c, --config <file>', "the coordinator's configuration", './coordinator.yaml')
    .option('--digests', 'read every blob that is needed and compare its digest, rather than look whether it is there')
    .option('--json', 'as JSON')
    .action(async ({ config, digests, json }) => {
      const settings = orExit(readConfigFile(config, { environment: process.env }));
      const { dataDirectory, journal } = settings;
      const { verifyDataDir } = await import('../../../coordinator/backup.ts');
      const { verifyDatabase } = await import('../../../coordinator/database-copy.ts');
      const { storedHeads, verifyStoredHeads } = await import('../../../coordinator/transparency/verify-stored.ts');
      const stored = await storedHeads(dataDirectory);
      const verified =
        journal.postgres === null ? verifyDataDir(dataDirectory) : await withDatabase(journal.postgres, verifyDatabase);
      const { seq, chain } = orExit(verified);
      const { checkBlobs } = await import('../../../coordinator/blob-check.ts');
      const options = { environment: process.env, timers: systemTimers, byDigest: digests === true };
      const [heads, blobs] = await withJournal(settings, async (folder) => {
        const signed = orExit(await verifyStoredHeads(stored, folder));
        return [signed, await checkBlobs(settings, folder, options)];
      });
      const found = blobs.ok ? blobs.value : { place: '', looked: 0, missing: [], damaged: [] };
      if (json) {
        const { looked: blobsLooked, missing: blobsMissing, damaged: blobsDamaged } = found;
        print(jsonLine({ entries: seq, chain, checkpoints: heads, blobsLooked, blobsMissing, blobsDamaged }));
      } else {
        const signed = heads === 0 ? '' : `; it has the ${heads} heads that were signed`;
        print(`the journal is sound: ${seq} entries, chain ${chain}${signed}`);
        if (blobs.ok) print(blobsText(blobs.value, digests === true));
      }
      if (!blobs.ok) endWith(blobs.fault);
      else if (found.missing.length > 0) endWith(missingFault(`of what it names ${found.place} lacks`, found.missing));
      else if (found.damaged.length > 0) endWith(damagedFault(found));
    });
}

function blobsText({ place, looked, missing, damaged }: BlobCheck, byDigest: boolean): string {
  const bad = missing.length + damaged.length;
  const how = byDigest ? 'by their digests' : 'whether they are there, not what they hold (--digests)';
  return `looked at the ${looked} blobs that it needs in ${place}, ${how}: ${bad === 0 ? 'all are sound' : `${bad} are not`}`;
}

function damagedFault({ place, damaged }: BlobCheck): Fault<'BLOBS_DAMAGED'> {
  const first = `${damaged[0]}${damaged.length > 1 ? ` and ${damaged.length - 1} more` : ''}`;
  const message = `${place} holds other bytes under the name of ${first}: bring them back from an earlier backup`;
  return refuse('BLOBS_DAMAGED', message).fault;
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
      const { backUpBucket } = await import('../../../coordinator/blob-backup.ts');
      const { checkFiles, damagedBlobs } = await import('../../../coordinator/blob-check.ts');
      if (settings.blobs.s3 !== null) {
        orExit(await backUpBucket(settings, { environment: process.env, timers: systemTimers }, to));
      }
      const { missing } = orExit(await checkFiles(to, join(to, 'blobs'), { byDigest: false }));
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
