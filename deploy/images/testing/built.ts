import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BuiltImage, buildImage, cachedIngredients } from '../build.ts';
import { heldLock } from '../held-lock.ts';
import type { ImageName } from '../images.ts';
import { imageCache, sweepUnused } from '../places.ts';

/**
 * Images of these sources for a test file, in layouts of its own, out of the cache as far as it has them. Two files that
 * begin at once pack every layer once: the second waits for the first. `close()` removes the layouts.
 */
export async function imagesForTests<Name extends ImageName>(names: readonly Name[]) {
  const folder = await mkdtemp(join(tmpdir(), 'testudo-images-'));
  const lock = await heldLock(imageCache().lock);
  try {
    await sweepUnused();
    const ingredients = await cachedIngredients();
    const built: [Name, BuiltImage][] = [];
    for (const name of names) built.push([name, await buildImage(name, ingredients, join(folder, name))]);
    return {
      images: Object.fromEntries(built) as Record<Name, BuiltImage>,
      ingredients,
      close: () => rm(folder, { recursive: true, force: true }),
    };
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  } finally {
    await lock.release();
  }
}
