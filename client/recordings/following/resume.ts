import type { SourceLoss } from '../../events/source-item.ts';
import type { FilePosition } from './followed-line.ts';
import type { ReadFrom } from './line-reader.ts';
import type { OpenedFile } from './opened-file.ts';
import { isTimeOfPacked } from './rotated-names.ts';
import type { Rotations } from './rotations.ts';
import { openFamily, type Sibling } from './siblings.ts';

/** Where reading goes on after a restart. */
export type Resumed = Readonly<{
  /** undefined: nothing is there yet. */
  first: Readonly<{ file: OpenedFile; from: ReadFrom }> | undefined;
  lost: SourceLoss | undefined;
}>;

/**
 * The file that a position is in, whatever rotation called it or made of it meanwhile, with everything newer waiting in
 * `rotations`. Where it is gone, what was written after it was last seen, and what is known of the loss.
 */
export async function resume(path: string, from: FilePosition, rotations: Rotations): Promise<Resumed> {
  const { siblings, current, unreadable } = await openFamily(path);
  const files: Pick<Sibling, 'file' | 'path' | 'writtenMs'>[] = [...siblings];
  if (current !== undefined) files.push({ file: current, path, writtenMs: current.stat().writtenMs });
  const at = await indexOf(files, from);
  const isNewer = (index: number): boolean => {
    if (at !== -1) return index > at;
    if (files[index]?.file === current) return true;
    return from.writtenMs !== undefined && (files[index]?.writtenMs ?? 0) > from.writtenMs;
  };
  for (const [index, { file, path: place }] of files.entries()) {
    if (index === at) continue;
    if (isNewer(index)) await rotations.add(file, place);
    else {
      await rotations.know(file);
      await file.close();
    }
  }
  const reference = files[at]?.writtenMs ?? from.writtenMs ?? Number.POSITIVE_INFINITY;
  rotations.knowUnreadable(unreadable, ({ inode, writtenMs }) => inode !== from.inode && writtenMs > reference);
  const found = files[at]?.file;
  if (found !== undefined) {
    const as = found.inode === from.inode ? undefined : { inode: from.inode, head: from.head };
    return { first: { file: found, from: { offset: from.offset, as } }, lost: undefined };
  }
  const unread = from.size === undefined ? undefined : Math.max(0, from.size - from.offset);
  return { first: undefined, lost: { files: 1, bytes: unread } };
}

/** Of the file that a position is in: by its inode and how it begins, then by how it begins alone, as a copy or packed. */
async function indexOf(
  files: readonly Readonly<{ file: OpenedFile; writtenMs: number }>[],
  { inode, offset, head, writtenMs = 0 }: FilePosition,
): Promise<number> {
  const copies: number[] = [];
  for (const [index, { file, writtenMs: fileMs }] of files.entries()) {
    const isSame = file.inode === inode && !file.isPacked && file.stat().size >= offset;
    const found = isSame || head !== '' ? await file.head() : '';
    if (isSame && (found === head || (head === '' && offset < 64))) return index;
    const isCopy = head !== '' && found === head && (await file.holds(offset));
    const isOfTime = fileMs >= Math.floor(writtenMs) || (file.isPacked && isTimeOfPacked(fileMs, writtenMs));
    if (isCopy && (file.isPacked || file.inode !== inode)) copies.push(isOfTime ? index : -1);
  }
  return copies.find((index) => index !== -1) ?? -1;
}
