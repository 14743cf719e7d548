import type { FlowBatch, FlowItem } from '../../events/source-item.ts';
import type { FilePosition, FollowOptions } from '../../recordings/file-follower.ts';
import { itemsOfLines } from '../../recordings/line-items.ts';
import { itemsOfHubble } from './hubble-flow.ts';
import { readHubbleJson } from './hubble-json.ts';

/** Hubble's flow exporter (`hubble.export.static.filePath`), through its rotations. */
export async function* hubbleFile(path: string, options: FollowOptions): AsyncGenerator<FlowBatch<FilePosition>> {
  yield* itemsOfLines(path, options, itemsOfLine);
}

function itemsOfLine(text: string, where: string): readonly FlowItem[] {
  const message = readHubbleJson(text);
  return typeof message === 'string' ? [{ kind: 'skipped', reason: message, where }] : itemsOfHubble(message, where);
}
