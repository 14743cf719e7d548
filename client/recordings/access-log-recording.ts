import { createReadStream } from 'node:fs';
import type { Readable } from 'node:stream';
import { boundedLineBatches, boundedLines } from '../../base/text/bounded-lines.ts';
import { inBatches } from '../../base/text/in-batches.ts';
import type { FlowItem } from '../events/source-item.ts';
import { EndsOfCalls, type MeshLogOptions } from './access-logs/ends-of-call.ts';
import { itemOfAccessLine } from './access-logs/flow-of-line.ts';
import { readAccessLogLine } from './access-logs/read-access-log-line.ts';
import { noticingCutLine } from './compressed/cut-line.ts';
import { decompressed } from './compressed/decompressed.ts';

const batchSize = 256;
/** Lines that may stand before the first one that tells. */
const headLines = 16;

/** Whether one of a file's first lines is of an access log. */
export async function isAccessLog(path: string): Promise<boolean> {
  let left = headLines;
  try {
    for await (const line of boundedLines(decompressed(createReadStream(path)))) {
      if (line !== undefined && typeof readAccessLogLine(line) !== 'string') return true;
      left -= 1;
      if (left === 0) return false;
    }
  } catch {
    // Whoever reads the whole hears of it, after what can be read.
  }
  return false;
}

/** All calls of a recorded access log, plain or packed, once. An error of reading comes after the calls that were read before it. */
export function accessLogRecording(path: string, mesh: MeshLogOptions): AsyncGenerator<FlowItem[]> {
  const source = createReadStream(path);
  return noticingCutLine(source, inBatches(itemsOf(source, path, new EndsOfCalls(mesh)), batchSize));
}

async function* itemsOf(source: Readable, path: string, ends: EndsOfCalls): AsyncGenerator<Iterable<FlowItem>> {
  let number = 0;
  function* itemsIn(lines: readonly (string | undefined)[]): Generator<FlowItem> {
    for (const line of lines) {
      number += 1;
      if (line === '') continue;
      const where = `${path}:${number}`;
      if (line === undefined) yield { kind: 'skipped', reason: 'LINE_TOO_LONG', where };
      else yield itemOfAccessLine(line, ends, where);
    }
  }
  for await (const lines of boundedLineBatches(decompressed(source))) yield itemsIn(lines);
}
