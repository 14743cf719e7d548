import { closeSync, fstatSync, lstatSync, openSync, rmdirSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { makeFolder, privateFileMode, privateFolderMode } from '../base/atomic-file.ts';
import { exitWith } from './exit.ts';

/**
 * Takes the name of a file that must not be there yet, before something is made that is good once: of two commands that would
 * write it, one goes on and the other ends with `code`, having made nothing. Whoever took it writes the file with an atomic
 * writer; a process that ends without having done so gives the name back, and the folders that were made for it. `withFolder`:
 * whether the folder may be missing.
 */
export function claimFile(
  path: string,
  code: 'CREDENTIALS_EXIST' | 'OUTPUT_EXISTS',
  { withFolder = false }: Readonly<{ withFolder?: boolean }> = {},
): void {
  const folder = dirname(path);
  const made = withFolder ? makeFolder(folder, privateFolderMode) : undefined;
  let claimed: number;
  try {
    const file = openSync(path, 'wx', privateFileMode);
    claimed = fstatSync(file).ino;
    closeSync(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    refuseExisting(path, code);
  }
  process.once('exit', () => {
    const found = lstatSync(path, { throwIfNoEntry: false });
    if (found?.ino !== claimed || found.size > 0) return;
    rmSync(path, { force: true });
    if (made !== undefined) removeEmpty(folder, made);
  });
}

/** Ends the command: what is there may be somebody's only copy. */
export function refuseExisting(path: string, code: 'CREDENTIALS_EXIST' | 'OUTPUT_EXISTS' = 'OUTPUT_EXISTS'): never {
  return exitWith({ code, message: `${path} is there already${remedyFor(path)}` });
}

/** A claim that was never filled is of a command that still runs, or was killed. */
function remedyFor(path: string): string {
  const isEmpty = lstatSync(path, { throwIfNoEntry: false })?.size === 0;
  if (isEmpty) return ', and empty: another `testudo` is at it. Where none runs, it was killed there: remove the file';
  return '; name another place, or move it away first';
}

/** Up to the first folder that was made, as long as nothing lies in them. */
function removeEmpty(folder: string, first: string): void {
  try {
    for (let at = folder; ; at = dirname(at)) {
      rmdirSync(at);
      if (at === first) return;
    }
  } catch {
    // Somebody uses it.
  }
}
