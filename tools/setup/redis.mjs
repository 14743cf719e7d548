import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { lastLines, runCommand } from './command.mjs';
import { SetupFault } from './fault.mjs';

const byHand = 'apt-get install redis-server';

/** The Redis server that the tests start for themselves, found on PATH. @returns {boolean} */
export function redisIsThere() {
  return onPath('redis-server');
}

/** True as root on a Debian-like system. */
export function mayInstallRedis() {
  return process.getuid?.() === 0 && onPath('apt-get');
}

/**
 * Installs Debian's redis-server when we are root. Tests start their own server on a port of their own; the service that
 * Debian may start beside it is not used.
 * @param {import('./progress.mjs').Progress} progress
 * @param {{ heldFds: readonly number[] }} given
 */
export async function installRedis(progress, { heldFds }) {
  if (!mayInstallRedis()) {
    throw new SetupFault({
      step: 'Redis',
      cause: 'redis-server is not on PATH, and we may not install it',
      remedy: onPath('apt-get') ? `type: sudo ${byHand}` : 'install Redis 7 with your system’s package manager',
    });
  }
  await progress.run(`install Redis (${byHand})`, async () => {
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    const wait = ['-o', 'DPkg::Lock::Timeout=120'];
    const update = await runCommand('apt-get', [...wait, 'update', '-q'], { env, heldFds });
    // An old package list often does; what counts is whether the install works.
    const install = await runCommand(
      'apt-get',
      [...wait, 'install', '-qy', '--no-install-recommends', 'redis-server'],
      {
        env,
        heldFds,
      },
    );
    if (install.code === 0 && redisIsThere()) return;
    throw new SetupFault({
      step: 'Redis',
      cause: lastLines(update.code === 0 ? install.tail : `${update.tail}\n${install.tail}`),
      remedy: `check the network and apt's sources, then type: apt-get update && ${byHand}`,
    });
  });
}

/** @param {string} program */
function onPath(program) {
  return (process.env.PATH ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return folder !== '';
    } catch {
      return false;
    }
  });
}
