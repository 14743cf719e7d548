import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { makeFolder } from '../../base/atomic-file.ts';
import { checkout, packagedFolders } from '../../tools/setup/places.mjs';
import { heldLock } from './held-lock.ts';
import { imageCache, markUsed } from './places.ts';

const run = promisify(execFile);

/** What `npm run build` reads. */
const sources = [...packagedFolders, 'dashboard', 'data'];
const files = [
  'package.json',
  'package-lock.json',
  'tsconfig.json',
  'tsconfig.build.json',
  'README.md',
  'CHANGELOG.md',
  'LICENSE',
  'THIRD_PARTY.md',
  'tools/build.mjs',
  'tools/packaging/manifests.ts',
];

/** `npm run build` into a new folder; `unchecked`: the same files, of sources whose types are known to be right. */
export async function buildDist(folder: string, { unchecked = false } = {}): Promise<void> {
  await run(process.execPath, [join(checkout, 'tools', 'build.mjs'), folder, ...(unchecked ? ['--unchecked'] : [])]);
}

/** The same out of the cache, where these very sources were built before; who asks meanwhile waits for the one that builds them. */
export async function cachedDist(): Promise<string> {
  const { dist: cache, distLock } = imageCache();
  const kept = join(cache, digestOfSources());
  const place = join(kept, 'dist');
  if (!existsSync(place)) {
    const lock = await heldLock(distLock);
    try {
      if (!existsSync(place)) await buildInto(kept, cache);
    } finally {
      await lock.release();
    }
  }
  await markUsed(kept);
  return place;
}

async function buildInto(kept: string, cache: string): Promise<void> {
  makeFolder(cache);
  const fresh = await mkdtemp(join(cache, 'new-'));
  try {
    await buildDist(join(fresh, 'dist'));
    await rename(fresh, kept);
  } finally {
    await rm(fresh, { recursive: true, force: true });
  }
}

function digestOfSources(): string {
  const hash = createHash('sha256');
  const below = (path: string): string[] =>
    readdirSync(join(checkout, path), { withFileTypes: true })
      .filter(({ name }) => !(path === 'dashboard' && name === 'dist'))
      .sort((a, b) => (a.name < b.name ? -1 : 1))
      .flatMap((entry) => (entry.isDirectory() ? below(`${path}/${entry.name}`) : [`${path}/${entry.name}`]))
      .filter((name) => !name.endsWith('.test.ts')); // Compiled by nobody.
  for (const path of [...sources.flatMap(below), ...files]) {
    const content = createHash('sha256')
      .update(readFileSync(join(checkout, path)))
      .digest('hex');
    hash.update(`${JSON.stringify([path, content])}\n`);
  }
  return hash.digest('hex').slice(0, 32);
}
