import { rememberLine } from '../events/line-shape.ts';
import type { SourceItem } from '../events/source-item.ts';
import { type FilePosition, type FollowedLines, type FollowOptions, followLines } from './file-follower.ts';

type Told = Extract<SourceItem, { kind: 'skipped' | 'repaired' }>;

/** What a reader makes of one line: nothing of one that says nothing. */
type ItemsOf<Item> = (text: string, where: string) => Item | Told | readonly (Item | Told)[] | undefined;

/**
 * The items of a followed file of lines, a chunk at a time. `itemOf` makes one of each line, several, or nothing; `where` is
 * its position, for people. Blank lines are not asked for.
 */
export async function* itemsOfLines<Item extends SourceItem>(
  path: string,
  options: FollowOptions,
  itemOf: ItemsOf<Item>,
): AsyncGenerator<Readonly<{ items: readonly (Item | Told)[]; cursor: FilePosition | undefined }>> {
  for await (const lines of followLines(path, options)) {
    const items: (Item | Told)[] = [];
    for (const line of lines) pushItems(items, path, line, itemOf);
    yield { items, cursor: lines.at(-1)?.after };
  }
}

/** Adds the items of one line. */
export function pushItems<Item extends SourceItem>(
  items: (Item | Told)[],
  path: string,
  line: FollowedLines[number],
  itemOf: ItemsOf<Item>,
): void {
  const where = `${path}:${line.offset}`;
  if (line.kind === 'skipped') {
    items.push(skippedLine(line, where));
    return;
  }
  if (line.repaired === true) items.push({ kind: 'repaired', where });
  const found = isBlank(line.text) ? undefined : itemOf(line.text, where);
  if (found === undefined) return;
  if ('kind' in found) pushOf(items, found, line.text);
  else for (const one of found) pushOf(items, one, line.text);
}

function pushOf<Item extends SourceItem>(items: (Item | Told)[], item: Item | Told, text: string): void {
  if (item.kind === 'skipped') rememberLine(item, text);
  items.push(item);
}

/** What was passed over before it was a line for anybody. */
export function skippedLine(
  { reason, loss }: Extract<FollowedLines[number], { kind: 'skipped' }>,
  where: string,
): Extract<Told, { kind: 'skipped' }> {
  return { kind: 'skipped', reason, where, ...(loss !== undefined && { loss }) };
}

/** Without a copy of a long line. Zeros are a hole that a writer left which does not append, blanks beside it or not. */
function isBlank(text: string): boolean {
  return !/[^\0\s]/.test(text);
}
