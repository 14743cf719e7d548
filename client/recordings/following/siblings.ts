import { lstat, readdir, readlink, realpath, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { isMissing } from '../../../base/atomic-file.ts';
import { isUnreadable, OpenedFile } from './opened-file.ts';
import { foreignPacking, oldestFirst, packedEnding, type RotatedName, rotatedName } from './rotated-names.ts';

/** A rotated file beside the followed one, opened so that it stays when rotation deletes it. */
export type Sibling = RotatedName & Readonly<{ path: string; file: OpenedFile; size: number; writtenMs: number }>;

/** A rotated file that cannot be opened, or not unpacked. `bytes` of its text, as far as is known: at least. */
export type Unreadable = Readonly<{ inode: string; writtenMs: number; isPacked: boolean; bytes: number | undefined }>;

/** The file at a path and its rotated files, oldest first, all opened that can be. */
export type Family = Readonly<{
  siblings: readonly Sibling[];
  unreadable: readonly Unreadable[];
  current: OpenedFile | undefined;
}>;

/** A rotation takes milliseconds; who rotates without end is read as it is. */
const triesMax = 16;

/** All files of a path as they were at one moment: where rotation went on meanwhile, it is looked at again. */
export async function openFamily(path: string): Promise<Family> {
  for (let attempt = 1; ; attempt++) {
    const before = await siblingPaths(path);
    const family = { ...(await openAll(before)), current: await openIfReadable(path) };
    if (attempt === triesMax || (await isStill(path, family, before))) return family;
    await closeFamily(family);
  }
}

export async function closeFamily({ siblings, current }: Family): Promise<void> {
  for (const { file } of siblings) await file.close();
  await current?.close();
}

/** As many links as the kernel follows in one name. */
const linksMax = 40;

/**
 * Where rotation may put what it makes of a path: beside it, and, where it is a link (as Kubernetes makes them in
 * /var/log/containers), beside the file that it leads to, be that there or renamed away just now.
 */
export async function placesOf(path: string): Promise<readonly string[]> {
  let place = path;
  for (let links = 0; ; links++) {
    const link = await readlink(place).catch(() => undefined);
    if (link === undefined) break;
    if (links === linksMax) return [path];
    place = resolve(dirname(place), link);
  }
  if (place === path) return [path];
  const places = [path, place].map(async (one) => {
    const folder = dirname(one);
    return join(await realpath(folder).catch(() => folder), basename(one));
  });
  return Promise.all(places);
}

/** Where the rotated files of a path lie, and what their names say. */
export async function siblingPaths(path: string): Promise<ReadonlyMap<string, RotatedName>> {
  const found = new Map<string, RotatedName>();
  for (const place of await placesOf(path)) {
    for (const [at, rotated] of await beside(place)) found.set(at, rotated);
  }
  return found;
}

async function beside(path: string): Promise<ReadonlyMap<string, RotatedName>> {
  const folder = dirname(path);
  let names: string[];
  try {
    names = await readdir(folder);
  } catch (error) {
    if (isMissing(error) || isUnreadable(error)) return new Map();
    throw error;
  }
  const found = new Map<string, RotatedName>();
  for (const name of names) {
    const rotated = rotatedName(path, name);
    if (rotated !== undefined) found.set(join(folder, name), rotated);
  }
  return found;
}

/** Packing makes a file twice for a moment: the plain one counts. */
async function openAll(names: ReadonlyMap<string, RotatedName>): Promise<Pick<Family, 'siblings' | 'unreadable'>> {
  const found: Sibling[] = [];
  const unreadable: Unreadable[] = [];
  for (const [path, rotated] of names) {
    if (packedEnding.test(path) && names.has(path.replace(packedEnding, ''))) continue;
    const file = await openIfReadable(path);
    if (file === undefined) {
      const one = await unreadableAt(path);
      if (one !== undefined) unreadable.push(one);
    } else if (foreignPacking.test(path)) {
      const { size, writtenMs } = file.stat();
      unreadable.push({ inode: file.inode, writtenMs, isPacked: true, bytes: (await file.bytesOfXz()) ?? size });
      await file.close();
    } else if (await file.isBroken()) {
      unreadable.push({ ...file.stat(), inode: file.inode, isPacked: true, bytes: undefined });
      await file.close();
    } else found.push({ ...rotated, path, file, ...file.stat() });
  }
  return { siblings: oldestFirst(found), unreadable };
}

async function isStill(path: string, { siblings, current }: Family, before: ReadonlyMap<string, RotatedName>) {
  const after = await siblingPaths(path);
  if (after.size !== before.size || [...after.keys()].some((name) => !before.has(name))) return false;
  for (const { path: place, file } of siblings) if ((await inodeAt(place)) !== file.inode) return false;
  // What is there and cannot be opened is no change.
  return current === undefined || (await inodeAt(path)) === current.inode;
}

/** undefined: there is none, or none that can be opened for now. */
export async function openIfReadable(path: string): Promise<OpenedFile | undefined> {
  try {
    return await OpenedFile.open(path);
  } catch (error) {
    if (isUnreadable(error)) return undefined;
    throw error;
  }
}

/** What stands under a name that did not open; undefined: nothing, or no file. A link that leads nowhere stands for one. */
async function unreadableAt(path: string): Promise<Unreadable | undefined> {
  const isPacked = packedEnding.test(path);
  try {
    const found = await stat(path, { bigint: true });
    if (!found.isFile()) return undefined;
    const bytes = isPacked ? undefined : Number(found.size);
    return { inode: String(found.ino), writtenMs: Number(found.mtimeMs), isPacked, bytes };
  } catch (error) {
    if (!isUnreadable(error)) return undefined;
    const link = await lstat(path, { bigint: true }).catch(() => undefined);
    if (link === undefined) return undefined;
    return { inode: String(link.ino), writtenMs: Number(link.mtimeMs), isPacked, bytes: undefined };
  }
}

/** undefined: no file is there. */
export async function inodeAt(path: string): Promise<string | undefined> {
  const found = await stat(path, { bigint: true }).catch(() => undefined);
  return found?.isFile() ? String(found.ino) : undefined;
}
