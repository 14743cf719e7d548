import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type BuiltImage, buildImage, cachedIngredients } from '../build.ts';
import type { ImageName } from '../images.ts';
import { imageCache, sweepUnused } from '../places.ts';

/**
 * Images of these sources for a test file, in layouts of its own, out of the cache as far as it has them. Two files that
 * begin at once pack every layer once: the second waits for the first. `close()` removes the layouts.
 */
export async function imagesForTests<Name extends ImageName>(names: readonly Name[]) {
  const folder = await mkdtemp(join(tmpdir(), 'testudo-images-'));
  const lock = await takeLock(imageCache().lock);
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

/**
 * A lock that the kernel gives back when its holder dies. Waited for without holding up this process, whose test runner has to
 * be answered meanwhile: flock(1) holds it for as long as its standard input is open.
 */
async function takeLock(path: string): Promise<Readonly<{ release(): Promise<void> }>> {
  await mkdir(dirname(path), { recursive: true });
  const holder = spawn('flock', [path, 'sh', '-c', 'echo held; exec cat'], { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = once(holder, 'exit');
  await Promise.race([
    once(holder.stdout, 'data'),
    ended.then(([code]) => Promise.reject(new Error(`flock ended with ${code} instead of holding ${path}`))),
  ]);
  return {
    release: async () => {
      holder.stdin.end();
      await ended;
    },
  };
}
