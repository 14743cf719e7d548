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
    /** Held by whoever builds the package into `dist`. */
    distLock: below('dist.lock'),
  };
}

const dayMs = 86_400_000;

/** Keeps a cached layer, packed or unpacked, for another two weeks, and a built package for another day. */
export async function markUsed(place: string): Promise<void> {
  const now = new Date();
  await utimes(place, now, now);
}

/** Removes what nobody has used for so long: every change of the sources makes new ones. */
export async function sweepUnused(): Promise<void> {
  const { layers, trees, dist } = imageCache();
  const kept: readonly [string, number][] = [
    [layers, 14 * dayMs],
    [trees, 14 * dayMs],
    [dist, dayMs],
  ];
  for (const [folder, keptMs] of kept) {
    for (const name of await readdir(folder).catch(() => [])) {
      const place = join(folder, name);
      const found = await stat(place).catch(() => undefined); // Another run sweeps, too.
      if (found !== undefined && Date.now() - found.mtimeMs > keptMs) await rm(place, { recursive: true, force: true });
    }
  }
}
