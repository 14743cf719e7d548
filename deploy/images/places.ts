import { readdir, rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheDir } from '../../tools/setup/places.mjs';

/** Folders of this machine that building images uses beside the checkout: all can be deleted, and are made again. */
export function imageCache() {
  const folder = join(cacheDir(), 'images');
  const below = (name: string) => join(folder, name);
  return {
    layers: below('layers'),
    debian: below('debian'),
    dist: below('dist'),
    trees: below('trees'),
    lock: below('lock'),
  };
}

const keptMs = 14 * 86_400_000;

/** Keeps a cached layer, packed or unpacked, for another two weeks. */
export async function markUsed(place: string): Promise<void> {
  const now = new Date();
  await utimes(place, now, now);
}

/** Removes layers that nobody has used for two weeks: every change of the sources makes new ones. */
export async function sweepUnused(): Promise<void> {
  const { layers, trees } = imageCache();
  for (const folder of [layers, trees]) {
    for (const name of await readdir(folder).catch(() => [])) {
      const place = join(folder, name);
      const { mtimeMs } = await stat(place);
      if (Date.now() - mtimeMs > keptMs) await rm(place, { recursive: true, force: true });
    }
  }
}
