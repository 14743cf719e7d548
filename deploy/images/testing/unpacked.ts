import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { BuiltImage } from '../build.ts';
import { imageCache, markUsed } from '../places.ts';

const run = promisify(execFile);

/**
 * A container's root as a runtime makes it: each layer unpacked once on this machine (by its diff id, in the cache), all of them
 * stacked by an overlay, and a layer of the container's own above them, in which the runtime makes mount points before it turns
 * the root read-only. `close()` unmounts it. Needs root.
 */
export async function mountRoot({ layers }: BuiltImage): Promise<Readonly<{ path: string; close(): Promise<void> }>> {
  const trees: string[] = [];
  for (const { packed } of layers) trees.push(await unpacked(packed.diffId, packed.file));
  const folder = await mkdtemp(join(tmpdir(), 'testudo-root-'));
  const [path, upper, work] = ['root', 'upper', 'work'].map((name) => join(folder, name)) as [string, string, string];
  for (const name of [path, upper, work]) await mkdir(name);
  const lower = [...trees].reverse().join(':'); // The first one named lies uppermost.
  const options = `lowerdir=${lower},upperdir=${upper},workdir=${work}`;
  await run('mount', ['-t', 'overlay', 'overlay', '-o', options, path]);
  return {
    path,
    close: async () => {
      await run('umount', [path]);
      await rm(folder, { recursive: true });
    },
  };
}

async function unpacked(diffId: string, file: string): Promise<string> {
  const { trees } = imageCache();
  const place = join(trees, diffId.slice('sha256:'.length, 'sha256:'.length + 32));
  if (existsSync(place)) {
    await markUsed(place);
    return place;
  }
  await mkdir(trees, { recursive: true });
  const fresh = await mkdtemp(join(trees, 'new-'));
  try {
    await run('tar', [
      '--extract',
      '--gzip',
      '--same-owner',
      '--preserve-permissions',
      '--file',
      file,
      '--directory',
      fresh,
    ]);
    await run('chmod', ['755', fresh]);
    await rename(fresh, place).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
    });
  } finally {
    await rm(fresh, { recursive: true, force: true });
  }
  return place;
}
