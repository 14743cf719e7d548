import type { FlowBatch, FlowItem } from '../../events/source-item.ts';
import { type FilePosition, type FollowOptions, followFile } from '../../recordings/file-follower.ts';
import { itemOfHubble } from './hubble-flow.ts';
import { readHubbleJson } from './hubble-json.ts';

/** Hubble's flow exporter (`hubble.export.static.filePath`), through its rotations. */
export async function* hubbleFile(path: string, options: FollowOptions): AsyncGenerator<FlowBatch<FilePosition>> {
  for await (const line of followFile(path, options)) {
    if (line.kind === 'idle') {
      yield { items: [], cursor: undefined };
      continue;
    }
    const where = `${path}:${line.offset}`;
    const item: FlowItem | undefined =
      line.kind === 'skipped' ? { kind: 'skipped', reason: line.reason, where } : itemOfLine(line.text, where);
    yield { items: item === undefined ? [] : [item], cursor: line.after };
  }
}

function itemOfLine(text: string, where: string): FlowItem | undefined {
  if (text.trim() === '') return undefined;
  const message = readHubbleJson(text);
  return typeof message === 'string' ? { kind: 'skipped', reason: message, where } : itemOfHubble(message, where);
}
