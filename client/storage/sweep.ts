import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';

/** Names of files that were on their way to another name: writeFileAtomic's and those of sealed files. */
const leftover = /\.(?:[0-9a-f]{12}\.tmp|[0-9a-f]{16}\.partial)$/;

/**
 * Removes what a client that was killed left half-written below its data folder, and says how much it was. Only under the
 * folder's lock: while a client runs, such files are its work.
 */
export async function sweepLeftovers(folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const names = entries.filter((entry) => entry.isFile() && leftover.test(entry.name));
  await Promise.all(names.map(({ parentPath, name }) => rm(join(parentPath, name), { force: true })));
  return names.length;
}
