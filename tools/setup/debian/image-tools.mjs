import { installDebian, missingPrograms } from './debian.mjs';

const elsewhere = 'use a Debian-like system: images are made of Debian’s packages';

/**
 * What builds container images; for tests also what reads them beside our own reader (skopeo, umoci) and what runs them (crun,
 * and ip for their network).
 * @type {Readonly<Record<'build' | 'test', import('./debian.mjs').DebianNeed>>}
 */
const needs = {
  build: { step: 'tools for images', packages: ['mmdebstrap'], programs: ['mmdebstrap'], elsewhere },
  test: {
    step: 'tools for images',
    packages: ['mmdebstrap', 'crun', 'umoci', 'skopeo', 'iproute2'],
    programs: ['mmdebstrap', 'crun', 'umoci', 'skopeo', 'ip'],
    elsewhere,
  },
};

/**
 * @param {'build' | 'test'} purpose
 * @returns {boolean}
 */
export function imageToolsAreThere(purpose) {
  return missingPrograms(needs[purpose]).length === 0;
}

/**
 * @param {'build' | 'test'} purpose
 * @returns {(progress: import('../progress.mjs').Progress, given: { heldFds: readonly number[] }) => Promise<void>}
 */
export function installImageTools(purpose) {
  return (progress, given) => installDebian(needs[purpose], progress, given);
}
