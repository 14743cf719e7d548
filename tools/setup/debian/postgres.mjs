import { postgresFolder } from '../../../base/testing/postgres-folder.mjs';
import { installDebian } from './debian.mjs';

/**
 * Debian's PostgreSQL, for the tests of the journal on it: they start servers of their own, on ports and data of their own, and
 * leave alone the one that Debian may start beside it.
 * @type {import('./debian.mjs').DebianNeed}
 */
const need = {
  step: 'PostgreSQL',
  packages: ['postgresql-15'],
  programs: ['initdb', 'postgres', 'pg_basebackup'],
  isThere: postgresIsThere,
  elsewhere: 'install PostgreSQL 14 or newer with your system’s package manager, its server programs on PATH',
};

/** @returns {boolean} */
export function postgresIsThere() {
  return postgresFolder() !== undefined;
}

/**
 * @param {import('../progress.mjs').Progress} progress
 * @param {{ heldFds: readonly number[] }} given
 */
export async function installPostgres(progress, given) {
  await installDebian(need, progress, given);
}
