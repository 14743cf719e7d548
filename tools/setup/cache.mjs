import { chmodSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { takeLock } from './lock.mjs';
import { cacheDir } from './places.mjs';

/**
 * Folders that outlive node_modules: the native library, the built binding, Node 22 for npm. Each appears whole or not at
 * all: it is made in a folder beside it and renamed into place.
 *
 * @typedef {object} Cache
 * @property {string} dir
 * @property {readonly number[]} heldFds descriptors of our locks; children inherit them
 * @property {(place: string, fill: (folder: string) => Promise<void>) => Promise<void>} add
 *   puts the folder that `fill` filled at `place`, a path below `dir`, replacing what was there
 */

/**
 * Does work with the cache's lock held, after removing what a killed set-up left half done. That is safe: whoever could
 * still be writing there, a killed set-up's children included, holds the lock.
 *
 * @template T
 * @param {{ heldFds: readonly number[], say: (sentence: string) => void, dir?: string }} given `dir`: a folder with a
 *   lock of its own, for what takes so long that nobody else should wait for it
 * @param {(cache: Cache) => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function withCache({ heldFds, say, dir = cacheDir() }, work) {
  mkdirSync(dir, { recursive: true });
  const lock = takeLock(join(dir, 'lock'), say);
  try {
    for (const name of readdirSync(dir)) {
      if (name.startsWith('tmp-')) rmSync(join(dir, name), { recursive: true, force: true });
    }
    return await work({ dir, heldFds: [...heldFds, lock.fd], add: (place, fill) => add(dir, place, fill) });
  } finally {
    lock.release();
  }
}

/**
 * @param {string} dir
 * @param {string} place
 * @param {(folder: string) => Promise<void>} fill
 */
async function add(dir, place, fill) {
  // In the cache itself: a rename is atomic only within one file system.
  const folder = mkdtempSync(join(dir, 'tmp-'));
  try {
    await fill(folder);
    chmodSync(folder, 0o755); // mkdtemp makes it private; a cache may be shared.
    mkdirSync(dirname(place), { recursive: true });
    rmSync(place, { recursive: true, force: true });
    renameSync(folder, place);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
