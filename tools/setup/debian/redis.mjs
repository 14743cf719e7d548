import { installDebian, mayInstall, missingPrograms } from './debian.mjs';

/**
 * Debian's redis-server. Tests start their own server on a port of their own; the service that Debian may start beside it is
 * not used.
 * @type {import('./debian.mjs').DebianNeed}
 */
const need = {
  step: 'Redis',
  packages: ['redis-server'],
  programs: ['redis-server'],
  elsewhere: 'install Redis 7 with your system’s package manager',
};

/** The Redis server that the tests start for themselves, found on PATH. @returns {boolean} */
export function redisIsThere() {
  return missingPrograms(need).length === 0;
}

export const mayInstallRedis = mayInstall;

/**
 * @param {import('../progress.mjs').Progress} progress
 * @param {{ heldFds: readonly number[] }} given
 */
export async function installRedis(progress, given) {
  await installDebian(need, progress, given);
}
