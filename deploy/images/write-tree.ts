import { chmod, chown, copyFile, lchown, mkdir, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFolder } from '../../base/atomic-file.ts';
import { type TreeEntry, wholeTree } from './oci/tree.ts';

/**
 * An image's tree as files below `folder`, which must not be there or be empty: what unpacking its layers comes to. Owners are
 * set where we are root. Rejects with the system's errors.
 */
export async function writeTree(entries: readonly TreeEntry[], folder: string): Promise<void> {
  const isRoot = process.getuid?.() === 0;
  makeFolder(folder);
  const tree = wholeTree(entries);
  for (const entry of tree) {
    const place = join(folder, entry.path);
    const { owner = 0, mode } = entry;
    if (entry.kind === 'folder') await mkdir(place, { mode });
    else if (entry.kind === 'link') await symlink(entry.target, place);
    else if (Buffer.isBuffer(entry.content)) await writeFile(place, entry.content, { mode, flag: 'wx' });
    else await copyFile(entry.content.file, place);
    if (entry.kind === 'link') {
      if (isRoot) await lchown(place, owner, owner);
      continue;
    }
    if (isRoot) await chown(place, owner, owner);
    await chmod(place, mode); // Also past the umask.
  }
  // Backwards: what is written into a folder changes its time.
  for (const entry of tree.reverse()) {
    if (entry.kind !== 'link') await utimes(join(folder, entry.path), 0, 0);
  }
}
