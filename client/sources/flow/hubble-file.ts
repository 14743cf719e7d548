import type { FlowBatch, FlowItem } from '../../events/source-item.ts';
import { type FilePosition, type FollowOptions, followFile } from '../../recordings/file-follower.ts';
import { itemsOfHubble } from './hubble-flow.ts';
import { readHubbleJson } from './hubble-json.ts';

/** Hubble's flow exporter (`hubble.export.static.filePath`), through its rotations. */
export async function* hubbleFile(path: string, options: FollowOptions): AsyncGenerator<FlowBatch<FilePosition>> {
  for await (const line of followFile(path, options)) {
    if (line.kind === 'idle') {
      yield { items: [], cursor: undefined };
      continue;
    }
    const where = `${path}:${line.offset}`;
    if (line.kind === 'skipped') yield { items: [{ kind: 'skipped', reason: line.reason, where }], cursor: line.after };
    else yield { items: itemsOfLine(line.text, where), cursor: line.after };
  }
}

function itemsOfLine(text: string, where: string): readonly FlowItem[] {
  if (text.trim() === '') return [];
  const message = readHubbleJson(text);
  return typeof message === 'string' ? [{ kind: 'skipped', reason: message, where }] : itemsOfHubble(message, where);
}
