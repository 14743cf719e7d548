import { installDebian, missingPrograms } from './debian.mjs';

/**
 * What builds container images (mmdebstrap), what reads them beside our own reader (skopeo, umoci) and what the tests run them
 * with (crun, and ip for their network).
 * @type {import('./debian.mjs').DebianNeed}
 */
const need = {
  step: 'tools for images',
  packages: ['mmdebstrap', 'crun', 'umoci', 'skopeo', 'iproute2'],
  programs: ['mmdebstrap', 'crun', 'umoci', 'skopeo', 'ip'],
  elsewhere:
    'use a Debian-like system: images are made of Debian’s packages. TESTUDO_IMAGES=off leaves their tests out, though not in CI',
};

/** @returns {boolean} */
export function imageToolsAreThere() {
  return missingPrograms(need).length === 0;
}

/**
 * @param {import('./progress.mjs').Progress} progress
 * @param {{ heldFds: readonly number[] }} given
 */
export async function installImageTools(progress, given) {
  await installDebian(need, progress, given);
}
