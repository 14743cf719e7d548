import { lstatSync } from 'node:fs';
import { resolve } from 'node:path';
import { Command } from '@commander-js/extra-typings';
import type { Result } from '../../../base/fault.ts';
import { readWholeText } from '../../../base/text/read-whole.ts';
import { readConfigFile } from '../../../coordinator/config/config.ts';
import { refuseExisting } from '../../claimed-file.ts';
import { exitWith, faultOfThrown, orExit, usage } from '../../exit.ts';
import { halfDone } from '../../half-done.ts';
import { complain, print } from '../../print.ts';
import { withKeys } from './keys.ts';

/** `testudo coordinator export-root`: from then on both root keys are offline. */
export function exportRootCommand() {
  return new Command('export-root')
    .description(
      'move the root keys (of certificates, of releases) away from the coordinator, for a safe; safe beside a running coordinator',
    )
    .option('-c, --config <file>', "the coordinator's configuration", './coordinator.yaml')
    .requiredOption('--to <file>', 'a new file, unencrypted PEM: put it on something that can be locked away')
    .option(
      '--releases-to <file>',
      "a new file for the releases' root key; default: the first one's name and .releases",
    )
    .action(async ({ config: path, to, releasesTo = `${to}.releases` }) => {
      const config = orExit(readConfigFile(path, { environment: process.env }));
      if (resolve(to) === resolve(releasesTo)) usage('--releases-to: the two keys need a file each');
      const { exportRootKey, holdsRootKey } = await import('../../../coordinator/keys/coordinator-keys.ts');
      const { exportReleaseRootKey, releaseRootKey } = await import(
        '../../../coordinator/registry/signing/release-keys.ts'
      );
      await withKeys(config, async ({ vault }) => {
        // Before either key moves; one that left earlier needs no file.
        if (await holdsRootKey(vault)) refuseWhereTaken(to);
        if ((await releaseRootKey(vault)) !== undefined) refuseWhereTaken(releasesTo);
        const root = await exportRootKey(vault, to);
        const releases = await exportReleaseRootKey(vault, releasesTo).catch((error: unknown) => {
          const fault = faultOfThrown(error);
          if (fault === undefined || !root.ok) throw error;
          const done = `the root key is in ${to} and no longer with the coordinator`;
          const rest = "The same command again, with a file for it that can be written, moves the releases' root key";
          return exitWith(halfDone({ done, rest }, fault));
        });
        // One may have left earlier: by a version that had no releases, or before the coordinator first ran.
        if (!releases.ok) orExit(root);
        sayMoved('root key', to, root);
        sayMoved("releases' root key", releasesTo, releases);
      });
    });
}

function sayMoved(what: string, file: string, { ok: isMoved }: Result<void>): void {
  if (isMoved) print(`the ${what} is in ${file} and no longer with the coordinator`);
  else complain(`the ${what} is not with the coordinator`);
}

function refuseWhereTaken(file: string): void {
  if (lstatSync(file, { throwIfNoEntry: false }) !== undefined) refuseExisting(file);
}

/** `testudo coordinator renew-issuer`: a new intermediate; takes effect at the next start. */
export function renewIssuerCommand() {
  return new Command('renew-issuer')
    .description('make a new issuing certificate under the root; restart the coordinator afterwards')
    .option('-c, --config <file>', "the coordinator's configuration", './coordinator.yaml')
    .option('--root-key <file>', 'the key that export-root wrote, if the root is offline')
    .action(async ({ config: path, rootKey }) => {
      const config = orExit(readConfigFile(path, { environment: process.env }));
      const { replaceIssuer } = await import('../../../coordinator/keys/coordinator-keys.ts');
      const key = rootKey === undefined ? undefined : readWholeText(rootKey);
      await withKeys(config, async (keys, { identity }) =>
        orExit(await replaceIssuer(identity, keys, key, Date.now())),
      );
      print('a new issuer is in place; restart the coordinator to use it');
    });
}
