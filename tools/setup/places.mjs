import { realpathSync } from 'node:fs';
import { createRequire } from 'node:module';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * True in the module that Node was started with. By real paths: a checkout may be reached through a symbolic link.
 * @param {string} url the module's import.meta.url
 */
export function isMain(url) {
  return process.argv[1] !== undefined && realpathSync(process.argv[1]) === realpathSync(fileURLToPath(url));
}

/** The checkout this set-up belongs to. */
export const checkout = resolve(fileURLToPath(new URL('../..', import.meta.url)));

/** Folders of sources that the built package is made of (tools/build.mjs); data/ comes along as it is. */
export const packagedFolders = /** @type {const} */ ([
  'base',
  'proto',
  'aggregation',
  'coordinator',
  'client',
  'cli',
  'lab',
  'relay',
  'door',
  'demo',
  'tools',
]);

/** Node 22 as npm installs it: node_modules/.bin may not be on PATH, so we always name the file itself. */
export const node22 = join(checkout, 'node_modules', 'node', 'bin', process.platform === 'win32' ? 'node.exe' : 'node');

/**
 * The folder of an npm package that is installed in this checkout, wherever npm has put it. Throws when it is not.
 * @param {string} name
 */
export function packageDir(name) {
  return dirname(createRequire(join(checkout, 'package.json')).resolve(`${name}/package.json`));
}

/**
 * Where the native library and the built binding live between clean installs.
 * TESTUDO_CACHE names the folder itself; otherwise it is `testudo` under the user's cache folder (XDG base directories).
 */
export function cacheDir(env = process.env) {
  if (env.TESTUDO_CACHE) return resolve(env.TESTUDO_CACHE);
  if (env.XDG_CACHE_HOME) return resolve(env.XDG_CACHE_HOME, 'testudo');
  return join(env.HOME || homedir(), '.cache', 'testudo');
}

/** False on a Linux with another C library (Alpine's musl), for which TensorFlow publishes nothing. */
export function isGlibc() {
  const { report } = process;
  if (report === undefined) return false;
  Object.assign(report, { excludeNetwork: true }); // Else it looks up the names of all network peers.
  const { header } = /** @type {{ header: { glibcVersionRuntime?: string } }} */ (report.getReport());
  return header.glibcVersionRuntime !== undefined;
}
