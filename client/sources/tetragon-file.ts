import type { SourceBatch, SourceItem } from '../events/source-item.ts';
import type { FilePosition, FollowOptions } from '../recordings/file-follower.ts';
import { itemsOfLines } from '../recordings/line-items.ts';
import { itemsOfTetragon, type TetragonOptions } from './tetragon-event.ts';
import { readTetragonJson } from './tetragon-json.ts';

/** Tetragon's JSON export (`exportFilename`), through its rotations. */
export async function* tetragonFile(
  path: string,
  options: FollowOptions,
  tetragon: TetragonOptions = { abi: 'x86_64' },
): AsyncGenerator<SourceBatch<FilePosition>> {
  yield* itemsOfLines(path, options, (text, where): SourceItem | readonly SourceItem[] => {
    const event = readTetragonJson(text);
    if (typeof event === 'string') return { kind: 'skipped', reason: event, where };
    return itemsOfTetragon(event, where, tetragon);
  });
}
