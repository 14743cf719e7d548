import { installDebian, missingPrograms } from './debian.mjs';

/**
 * The shells that completion is written for and Debian does not have by itself; its tests press the key in each.
 * @type {import('./debian.mjs').DebianNeed}
 */
const need = {
  step: 'zsh and fish',
  packages: ['zsh', 'fish'],
  programs: ['zsh', 'fish'],
  elsewhere: 'install zsh and fish with your system’s package manager',
};

/** @returns {boolean} */
export function shellsAreThere() {
  return missingPrograms(need).length === 0;
}

/**
 * @param {import('../progress.mjs').Progress} progress
 * @param {{ heldFds: readonly number[] }} given
 */
export async function installShells(progress, given) {
  await installDebian(need, progress, given);
}
