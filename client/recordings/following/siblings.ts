import { readdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { isMissing } from '../../../base/atomic-file.ts';
import { OpenedFile } from './opened-file.ts';
import { oldestFirst, packedEnding, type RotatedName, rotatedName } from './rotated-names.ts';

/** A rotated file beside the followed one, opened so that it stays when rotation deletes it. */
export type Sibling = RotatedName & Readonly<{ path: string; file: OpenedFile; size: number; writtenMs: number }>;

/** The file at a path and its rotated files, oldest first, all opened. */
export type Family = Readonly<{ siblings: readonly Sibling[]; current: OpenedFile | undefined }>;

/** A rotation takes milliseconds; who rotates without end is read as it is. */
const triesMax = 16;

/** All files of a path as they were at one moment: where rotation went on meanwhile, it is looked at again. */
export async function openFamily(path: string): Promise<Family> {
  for (let attempt = 1; ; attempt++) {
    const before = await siblingPaths(path);
    const family = { siblings: await openAll(before), current: await OpenedFile.open(path) };
    if (attempt === triesMax || (await isStill(path, family, before))) return family;
    await closeFamily(family);
  }
}

export async function closeFamily({ siblings, current }: Family): Promise<void> {
  for (const { file } of siblings) await file.close();
  await current?.close();
}

/** Where the rotated files of a path lie, and what their names say. */
export async function siblingPaths(path: string): Promise<ReadonlyMap<string, RotatedName>> {
  const folder = dirname(path);
  let names: string[];
  try {
    names = await readdir(folder);
  } catch (error) {
    if (isMissing(error)) return new Map();
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
async function openAll(names: ReadonlyMap<string, RotatedName>): Promise<Sibling[]> {
  const found: Sibling[] = [];
  for (const [path, rotated] of names) {
    if (packedEnding.test(path) && names.has(path.replace(packedEnding, ''))) continue;
    const file = await OpenedFile.open(path);
    if (file !== undefined) found.push({ ...rotated, path, file, ...file.stat() });
  }
  return oldestFirst(found);
}

async function isStill(path: string, { siblings, current }: Family, before: ReadonlyMap<string, RotatedName>) {
  const after = await siblingPaths(path);
  if (after.size !== before.size || [...after.keys()].some((name) => !before.has(name))) return false;
  for (const { path: place, file } of siblings) if ((await inodeAt(place)) !== file.inode) return false;
  return (await inodeAt(path)) === current?.inode;
}

/** undefined: nothing is there. */
export async function inodeAt(path: string): Promise<string | undefined> {
  const found = await stat(path, { bigint: true }).catch(() => undefined);
  return found === undefined ? undefined : String(found.ino);
}
