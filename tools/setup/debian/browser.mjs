import { installDebian, missingPrograms } from './debian.mjs';

/**
 * Debian's Chromium, in which the tests of the dashboard look at its pages.
 * @type {import('./debian.mjs').DebianNeed}
 */
const need = {
  step: 'Chromium',
  packages: ['chromium'],
  programs: ['chromium'],
  elsewhere: 'install Chromium with your system’s package manager, so that `chromium` is on PATH',
};

/** @returns {boolean} */
export function browserIsThere() {
  return missingPrograms(need).length === 0;
}

/**
 * @param {import('../progress.mjs').Progress} progress
 * @param {{ heldFds: readonly number[] }} given
 */
export async function installBrowser(progress, given) {
  await installDebian(need, progress, given);
}
