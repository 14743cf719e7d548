import { copyFileSync, existsSync, realpathSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { addOnsKey, addOnTarget } from '../../base/add-ons/places.mjs';
import { withCache } from './cache.mjs';
import { npm, refuseFailure } from './npm.mjs';
import { checkout } from './places.mjs';
import { ensureTensorflow, tensorflowIsReady } from './tensorflow.mjs';

/** The list of packages and the lock that the build has put beside this file's folder: what is installed, to the hash. */
const lists = join(checkout, 'tools', 'add-ons');
const names = /** @type {const} */ (['package.json', 'package-lock.json']);

/**
 * The packages that the built package leaves out, and native TensorFlow among them, in a folder of their own: `to`/KEY, or where
 * the product looks by itself. What is there already is left alone. Everything in the folder is readable for all, and its
 * links stay inside it, so that an image or another user can take it as it is.
 *
 * @param {{ to?: string | undefined, pureJs: boolean, env?: NodeJS.ProcessEnv }} wanted `pureJs`: without the native library
 * @param {import('./progress.mjs').Progress} progress
 * @param {(sentence: string) => void} say
 * @returns {Promise<string>} the folder
 */
export async function ensureAddOns({ to, pureJs, env = process.env }, progress, say) {
  const key = addOnsKey();
  if (key === undefined) throw new Error('a checkout has its add-ons among its packages');
  const place = to === undefined ? addOnTarget(key, env) : join(resolve(to), key);
  const root = /** @param {string} name */ (name) => dirname(packageJsonOf(name, place));
  process.umask(0o022);
  await withCache({ heldFds: [], say, dir: dirname(place) }, async (cache) => {
    if (!existsSync(join(place, 'node_modules'))) {
      await progress.run('install the packages of the add-ons (npm ci)', () =>
        cache.add(place, async (folder) => {
          for (const name of names) copyFileSync(join(lists, name), join(folder, name));
          const args = ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=http'];
          const options = { node: process.execPath, cwd: folder, heldFds: cache.heldFds };
          refuseFailure('npm ci', await npm(args, options));
        }),
      );
    }
    if (pureJs || tensorflowIsReady(root)) return;
    await ensureTensorflow(progress, { heldFds: cache.heldFds, say, root, cache: join(realpathSync(place), 'native') });
    rmSync(join(place, 'native', 'binding'), { recursive: true, force: true }); // Copied into its package.
  });
  return place;
}

/**
 * @param {string} name
 * @param {string} place
 */
function packageJsonOf(name, place) {
  return createRequire(join(place, 'package.json')).resolve(`${name}/package.json`);
}
