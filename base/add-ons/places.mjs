/**
 * Where add-ons lie: npm packages that are large, or bring a native library, and that most commands do without. A checkout and
 * an image have them among their own packages; whoever installed the built package fetches them with `testudo setup`, into
 * a folder of its own, which a user who may not write into the installation can have, and which images and other users can
 * use. Plain JavaScript, since set-up runs before anything else does.
 */
import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';

/** Where root's set-up puts them: every user of the machine looks there. */
const everybodys = '/usr/local/lib/testudo/add-ons';

/**
 * The name that the built package gives its add-ons, by all their hashes, so that two versions keep apart what differs.
 * undefined: a checkout, or an image, which has them among its packages.
 * @returns {string | undefined}
 */
export function addOnsKey() {
  return JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')).addOns;
}

/**
 * The folders that are looked in, first one first; TESTUDO_ADD_ONS names the only one.
 * @param {string} key
 * @param {NodeJS.ProcessEnv} [env]
 * @returns {readonly string[]}
 */
export function addOnPlaces(key, env = process.env) {
  if (env.TESTUDO_ADD_ONS) return [join(resolve(env.TESTUDO_ADD_ONS), key)];
  const data = env.XDG_DATA_HOME ? resolve(env.XDG_DATA_HOME) : join(env.HOME || homedir(), '.local', 'share');
  return [join(data, 'testudo', 'add-ons', key), join(everybodys, key)];
}

/**
 * Where set-up puts them when nobody says: for everybody where it may, else for this user.
 * @param {string} key
 * @param {NodeJS.ProcessEnv} [env]
 */
export function addOnTarget(key, env = process.env) {
  const places = addOnPlaces(key, env);
  return /** @type {string} */ (process.getuid?.() === 0 ? places.at(-1) : places[0]);
}
