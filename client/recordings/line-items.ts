import type { SourceItem } from '../events/source-item.ts';
import { type FilePosition, type FollowedLines, type FollowOptions, followLines } from './file-follower.ts';

type Told = Extract<SourceItem, { kind: 'skipped' | 'repaired' }>;
type Made<Item> = Item | Told | readonly (Item | Told)[] | undefined;

/**
 * The items of a followed file of lines, a chunk at a time. `itemOf` makes one of each line, or more, or nothing of one that
 * says nothing; `where` is its position, for people. Blank lines are not asked for.
 */
export async function* itemsOfLines<Item extends SourceItem>(
  path: string,
  options: FollowOptions,
  itemOf: (text: string, where: string) => Made<Item>,
): AsyncGenerator<Readonly<{ items: readonly (Item | Told)[]; cursor: FilePosition | undefined }>> {
  for await (const lines of followLines(path, options)) {
    yield { items: itemsOf(path, lines, itemOf), cursor: lines.at(-1)?.after };
  }
}

function itemsOf<Item extends SourceItem>(
  path: string,
  lines: FollowedLines,
  itemOf: (text: string, where: string) => Made<Item>,
): (Item | Told)[] {
  const items: (Item | Told)[] = [];
  for (const line of lines) {
    const where = `${path}:${line.offset}`;
    if (line.kind === 'skipped') {
      items.push(skippedLine(line, where));
      continue;
    }
    if (line.repaired === true) items.push({ kind: 'repaired', where });
    const made = isBlank(line.text) ? undefined : itemOf(line.text, where);
    if (Array.isArray(made)) items.push(...made);
    else if (made !== undefined) items.push(made as Item | Told);
  }
  return items;
}

/** What was passed over before it was a line for anybody. */
export function skippedLine(
  { reason, loss }: Extract<FollowedLines[number], { kind: 'skipped' }>,
  where: string,
): Extract<Told, { kind: 'skipped' }> {
  return { kind: 'skipped', reason, where, ...(loss !== undefined && { loss }) };
}

/** Without a copy of a long line. */
function isBlank(text: string): boolean {
  return !/\S/.test(text);
}
