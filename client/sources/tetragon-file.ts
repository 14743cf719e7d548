import type { SourceBatch, SourceItem } from '../events/source-item.ts';
import type { FilePosition, FollowOptions } from '../recordings/file-follower.ts';
import { itemsOfLines } from '../recordings/line-items.ts';
import { itemOfTetragon } from './tetragon-event.ts';
import { readTetragonJson } from './tetragon-json.ts';

/** Tetragon's JSON export (`exportFilename`), through its rotations. */
export async function* tetragonFile(path: string, options: FollowOptions): AsyncGenerator<SourceBatch<FilePosition>> {
  yield* itemsOfLines(path, options, itemOf);
}

function itemOf(text: string, where: string): SourceItem | undefined {
  const event = readTetragonJson(text);
  return typeof event === 'string' ? { kind: 'skipped', reason: event, where } : itemOfTetragon(event, where);
}
