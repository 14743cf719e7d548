import { accessSync, constants, lstatSync } from 'node:fs';
import { dirname } from 'node:path';
import { exitWith } from '../exit.ts';

/** Ends unless credentials can be written there. Asked before anything is changed: a new key voids the one that somebody has. */
export function checkNewCredentials(path: string): void {
  accessSync(dirname(path), constants.W_OK);
  if (lstatSync(path, { throwIfNoEntry: false }) === undefined) return;
  exitWith({ code: 'CREDENTIALS_EXIST', message: `${path} exists; move it away, or give another path` });
}
