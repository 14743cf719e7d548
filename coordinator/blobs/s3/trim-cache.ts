import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { EpochMs } from '../../../base/time.ts';
import { temporaryPrefix } from '../file-blob-writer.ts';

/** What a fetch that was cut off left is nobody's after so long. */
const leftoverMs = 24 * 3_600_000;

/**
 * Removes files of a folder of blobs, those that came first first, until at most so many bytes are left. For a folder in which
 * every file is a copy of what lies in the bucket, and none is in use: a worker's, between two jobs.
 */
export async function trimCache(dir: string, bytesMax: number, nowMs: EpochMs): Promise<void> {
  const partial = await filesIn(join(dir, 'partial'));
  for (const { path, name, atMs } of partial) {
    if (name.startsWith(temporaryPrefix) && nowMs - atMs > leftoverMs) await rm(path, { force: true });
  }
  const files = await filesIn(join(dir, 'blobs'));
  let held = files.reduce((sum, { bytes }) => sum + bytes, 0);
  for (const { path, bytes } of files.sort((a, b) => a.atMs - b.atMs)) {
    if (held <= bytesMax) return;
    await rm(path, { force: true });
    held -= bytes;
  }
}

async function filesIn(folder: string) {
  const found = await Promise.all(
    (await readdir(folder)).map(async (name) => {
      const path = join(folder, name);
      const known = await stat(path).catch(() => undefined); // Gone meanwhile.
      return known && { path, name, bytes: known.size, atMs: known.mtimeMs };
    }),
  );
  return found.filter((file) => file !== undefined);
}
