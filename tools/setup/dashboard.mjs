import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { lastLines, runCommand } from './command.mjs';
import { SetupFault } from './fault.mjs';
import { takeLock } from './lock.mjs';
import { checkout, node22 } from './places.mjs';

/** Where a checkout's coordinator finds the dashboard's pages. */
const place = join(checkout, 'dashboard', 'dist');
const note = '.sources';

/**
 * Builds the dashboard's pages into a folder, which must not be there.
 * @param {string} folder
 * @param {readonly number[]} [heldFds]
 */
export async function buildPages(folder, heldFds = []) {
  const vite = join(checkout, 'node_modules', 'vite', 'bin', 'vite.js');
  const args = [vite, 'build', '--config', join(checkout, 'dashboard', 'vite.config.ts'), '--outDir', folder];
  const env = { ...process.env, NODE_ENV: 'production' };
  const { code, tail } = await runCommand(node22, args, { cwd: checkout, env, heldFds });
  if (code === 0) return;
  rmSync(folder, { recursive: true, force: true });
  throw new SetupFault({
    step: "the dashboard's pages",
    cause: lastLines(tail),
    remedy: 'mend what it says, then run this again',
  });
}

/** Whether the pages are there, built from these very sources. A checkout without their sources needs none. */
export function pagesAreBuilt() {
  if (!existsSync(join(checkout, 'dashboard', 'index.html'))) return true;
  const known = join(place, note);
  return existsSync(known) && readFileSync(known, 'utf8') === digestOfSources();
}

/**
 * The pages of this checkout, built anew where their sources changed. They appear by one rename.
 * @param {readonly number[]} [heldFds]
 */
export async function bringPages(heldFds = []) {
  if (pagesAreBuilt()) return;
  const lock = takeLock(join(checkout, '.testudo', 'pages.lock'), () => {});
  try {
    if (pagesAreBuilt()) return; // Another process has built them while we waited.
    const digest = digestOfSources();
    const fresh = join(checkout, '.testudo', 'pages.new');
    rmSync(fresh, { recursive: true, force: true });
    await buildPages(fresh, [...heldFds, lock.fd]);
    writeFileSync(join(fresh, note), digest);
    rmSync(place, { recursive: true, force: true });
    renameSync(fresh, place);
  } finally {
    lock.release();
  }
}

/**
 * A step of set-up.
 * @param {import('./progress.mjs').Progress} progress
 * @param {{ heldFds: readonly number[] }} given
 */
export async function installPages(progress, { heldFds }) {
  await progress.run("build the dashboard's pages", () => bringPages(heldFds));
}

/** Everything that is bundled: the pages, what they take of base/, and the packages. */
function digestOfSources() {
  const hash = createHash('sha256');
  const files = ['dashboard', join('base', 'text')].flatMap(filesBelow).sort();
  for (const file of [...files, 'package-lock.json']) {
    hash.update(`${file}\0`).update(readFileSync(join(checkout, file)));
  }
  return hash.digest('hex');
}

/**
 * @param {string} folder
 * @returns {string[]}
 */
function filesBelow(folder) {
  return readdirSync(join(checkout, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return /^(?:dist|testing)$/.test(entry.name) ? [] : filesBelow(path);
    return entry.name.endsWith('.test.ts') ? [] : [path];
  });
}
