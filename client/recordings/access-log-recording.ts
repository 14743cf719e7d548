import { createReadStream } from 'node:fs';
import { boundedLines } from '../../base/text/bounded-lines.ts';
import type { FlowItem } from '../events/source-item.ts';
import { EndsOfCalls, type MeshLogOptions } from './access-logs/ends-of-call.ts';
import { itemOfAccessLine } from './access-logs/flow-of-line.ts';
import { readAccessLogLine } from './access-logs/read-access-log-line.ts';
import { decompressed } from './compressed/decompressed.ts';

const batchSize = 256;
/** Lines that may stand before the first one that tells. */
const headLines = 16;

/** Whether one of a file's first lines is of an access log. Throws when it cannot be read. */
export async function isAccessLog(path: string): Promise<boolean> {
  let left = headLines;
  for await (const line of boundedLines(decompressed(createReadStream(path)))) {
    if (line !== undefined && typeof readAccessLogLine(line) !== 'string') return true;
    left -= 1;
    if (left === 0) return false;
  }
  return false;
}

/** All calls of a recorded access log, plain or packed, once. An error of reading comes after the calls that were read before it. */
export async function* accessLogRecording(path: string, mesh: MeshLogOptions): AsyncGenerator<FlowItem[]> {
  const ends = new EndsOfCalls(mesh);
  let items: FlowItem[] = [];
  let number = 0;
  try {
    for await (const line of boundedLines(decompressed(createReadStream(path)))) {
      number += 1;
      if (line === '') continue;
      const where = `${path}:${number}`;
      items.push(
        line === undefined ? { kind: 'skipped', reason: 'LINE_TOO_LONG', where } : itemOfAccessLine(line, ends, where),
      );
      if (items.length < batchSize) continue;
      yield items;
      items = [];
    }
  } catch (error) {
    yield items;
    throw error;
  }
  yield items;
}
