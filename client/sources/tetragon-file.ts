import type { SourceBatch, SourceItem } from '../events/source-item.ts';
import { type FilePosition, type FollowOptions, followFile } from '../recordings/file-follower.ts';
import { itemOfTetragon } from './tetragon-event.ts';
import { readTetragonJson } from './tetragon-json.ts';

/** Tetragon's JSON export (`exportFilename`), through its rotations. */
export async function* tetragonFile(path: string, options: FollowOptions): AsyncGenerator<SourceBatch<FilePosition>> {
  for await (const line of followFile(path, options)) {
    if (line.kind === 'idle') {
      yield { items: [], cursor: undefined };
      continue;
    }
    const where = `${path}:${line.offset}`;
    const item = line.kind === 'skipped' ? skipped(line.reason, where) : itemOf(line.text, where);
    yield { items: item === undefined ? [] : [item], cursor: line.after };
  }
}

function itemOf(text: string, where: string): SourceItem | undefined {
  if (text.trim() === '') return undefined;
  const event = readTetragonJson(text);
  return typeof event === 'string' ? skipped(event, where) : itemOfTetragon(event, where);
}

function skipped(reason: Extract<SourceItem, { kind: 'skipped' }>['reason'], where: string): SourceItem {
  return { kind: 'skipped', reason, where };
}
