import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { lastLines, runCommand } from '../command.mjs';
import { SetupFault } from '../fault.mjs';

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

/** True as root on a Debian-like system. */
export function mayInstall() {
  return process.getuid?.() === 0 && onPath('apt-get');
}

/**
 * Debian packages that a step needs, and the programs in them by which we know that they are there.
 * @typedef {object} DebianNeed
 * @property {string} step what the step is called when it fails
 * @property {readonly string[]} packages
 * @property {readonly string[]} programs
 * @property {() => boolean} [isThere] where they need not be on PATH
 * @property {string} elsewhere the remedy where there is no apt-get
 */

/**
 * The programs of a need that are not on PATH; none where it knows better that they are there.
 * @param {DebianNeed} need
 */
export function missingPrograms({ programs, isThere }) {
  if (isThere?.()) return [];
  return programs.filter((program) => !onPath(program));
}

/**
 * Installs Debian packages when we are root; otherwise says what to type.
 * @param {DebianNeed} need
 * @param {import('../progress.mjs').Progress} progress
 * @param {{ heldFds: readonly number[] }} given
 */
export async function installDebian(need, progress, { heldFds }) {
  const { step, packages, elsewhere } = need;
  const byHand = `apt-get install ${packages.join(' ')}`;
  if (!mayInstall()) {
    const missing = missingPrograms(need);
    throw new SetupFault({
      step,
      cause: `${missing.join(', ')} ${missing.length === 1 ? 'is' : 'are'} not on PATH, and we may not install ${missing.length === 1 ? 'it' : 'them'}`,
      remedy: onPath('apt-get') ? `type: sudo ${byHand}` : elsewhere,
    });
  }
  await progress.run(`install ${step} (${byHand})`, async () => {
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    const wait = ['-o', 'DPkg::Lock::Timeout=120'];
    const update = await runCommand('apt-get', [...wait, 'update', '-q'], { env, heldFds });
    // An old package list often does; what counts is whether the install works.
    const args = [...wait, 'install', '-qy', '--no-install-recommends', ...packages];
    const install = await runCommand('apt-get', args, { env, heldFds });
    if (install.code === 0 && missingPrograms(need).length === 0) return;
    throw new SetupFault({
      step,
      cause: lastLines(update.code === 0 ? install.tail : `${update.tail}\n${install.tail}`),
      remedy: `check the network and apt's sources, then type: apt-get update && ${byHand}`,
    });
  });
}
