import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { checkout, packagedFolders } from '../../tools/setup/places.mjs';

const run = promisify(execFile);

/** What `npm run build` reads. */
const sources = [...packagedFolders, 'data'];
const files = ['package.json', 'package-lock.json', 'tsconfig.json', 'tsconfig.build.json', 'README.md', 'LICENSE'];

/** `npm run build` into a new folder. */
export async function buildDist(folder: string): Promise<void> {
  await run(process.execPath, [join(checkout, 'tools', 'build.mjs'), folder]);
}

/** The same out of a folder in `cache`, which keeps the build of the newest sources alone. */
export async function cachedDist(cache: string): Promise<string> {
  const key = digestOfSources();
  const place = join(cache, key, 'dist');
  if (existsSync(place)) return place;
  await mkdir(cache, { recursive: true });
  const fresh = await mkdtemp(join(cache, 'new-'));
  try {
    await buildDist(join(fresh, 'dist'));
    for (const old of readdirSync(cache)) {
      if (!old.startsWith('new-')) await rm(join(cache, old), { recursive: true, force: true });
    }
    await rename(fresh, join(cache, key));
  } finally {
    await rm(fresh, { recursive: true, force: true });
  }
  return place;
}

function digestOfSources(): string {
  const hash = createHash('sha256');
  const below = (path: string): string[] =>
    readdirSync(join(checkout, path), { withFileTypes: true })
      .sort((a, b) => (a.name < b.name ? -1 : 1))
      .flatMap((entry) => (entry.isDirectory() ? below(`${path}/${entry.name}`) : [`${path}/${entry.name}`]));
  for (const path of [...sources.flatMap(below), ...files]) {
    const content = createHash('sha256')
      .update(readFileSync(join(checkout, path)))
      .digest('hex');
    hash.update(`${JSON.stringify([path, content])}\n`);
  }
  return hash.digest('hex').slice(0, 32);
}
