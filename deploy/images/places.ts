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
