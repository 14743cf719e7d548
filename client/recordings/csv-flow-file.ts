import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { boundedLineBatches } from '../../base/text/bounded-lines.ts';
import { inBatches } from '../../base/text/in-batches.ts';
import type { FlowBatch, FlowItem } from '../events/source-item.ts';
import { noticingCutLine } from './compressed/cut-line.ts';
import { decompressed } from './compressed/decompressed.ts';
import { type FilePosition, type FollowOptions, followLines } from './file-follower.ts';
import { FlowLines, jsonDocument } from './flow-lines.ts';
import type { CsvFlowOptions } from './layouts/layout.ts';
import { skippedLine } from './line-items.ts';
import { untilAborted } from './lines.ts';

/** Flows handed on at once when a file is read as a whole. */
const batchSize = 256;

/** Zeek begins a file with nine lines about the others. */
const headLines = 64;

/**
 * Flow records of a file that is written to, through rotation: a table whose header tells the layout, or a log that
 * flow-lines.ts knows; each file may have another. A record that goes on over a rotation is passed over. What is compressed
 * is there as a whole: it is read once, and again after a restart.
 */
export async function* csvFlowFile(
  path: string,
  { follow, layout }: Readonly<{ follow: FollowOptions; layout: CsvFlowOptions }>,
): AsyncGenerator<FlowBatch<FilePosition>> {
  if (path.endsWith('.gz')) {
    for await (const items of csvFlowRecording(path, layout)) {
      if (follow.signal.aborted) return;
      yield { items, cursor: undefined };
    }
    return;
  }
  let reader = new FlowLines(path, layout, follow.from === undefined ? [] : await headOf(path));
  let inode = follow.from?.inode;
  let last: FilePosition | undefined;
  for await (const lines of followLines(path, follow)) {
    if (lines.length === 0) yield { items: [], cursor: undefined };
    for (const line of lines) {
      const { after } = line;
      const items: FlowItem[] = [];
      // A file that was emptied begins anew under its inode.
      if (inode !== undefined && (after.inode !== inode || (line.kind === 'line' && line.offset === 0))) {
        items.push(...reader.end());
        reader = new FlowLines(path, layout);
      }
      inode = after.inode;
      last = after;
      if (line.kind === 'line' && line.repaired === true)
        items.push({ kind: 'repaired', where: `${path}:${line.offset}` });
      if (line.kind === 'skipped') items.push(skippedLine(line, `${path}:${line.offset}`));
      else for (const item of reader.push(line.text)) items.push(item);
      // Not within a record: a restart must not begin in the middle of one.
      yield { items, cursor: reader.isBetweenRecords ? after : undefined };
    }
  }
  yield { items: reader.end(), cursor: last };
}

/**
 * All flow records of a recorded file, a table or a log, plain or gzip, once. Ends with the error that reading ended with, if any, after
 * everything that could be read before it. `signal`: reads no further, as if the file ended there.
 */
export async function* csvFlowRecording(
  path: string,
  layout: CsvFlowOptions,
  signal?: AbortSignal,
): AsyncGenerator<FlowItem[]> {
  const source = createReadStream(path);
  const [isDocument, bytes] = await begun(untilAborted(decompressed(source), signal));
  const batches = isDocument
    ? documentFlows(path, bytes, layout)
    : inBatches(itemsOf(bytes, new FlowLines(path, layout)), batchSize);
  yield* noticingCutLine(source, batches);
}

async function* itemsOf(bytes: AsyncIterable<Uint8Array>, reader: FlowLines): AsyncGenerator<Iterable<FlowItem>> {
  for await (const lines of boundedLineBatches(bytes)) yield itemsIn(lines, reader);
  yield reader.end();
}

function* itemsIn(lines: readonly (string | undefined)[], reader: FlowLines): Generator<FlowItem> {
  for (const line of lines) yield* line === undefined ? reader.skipLine() : reader.push(line);
}

/** Whether a file is one list of JSON, as clouds write theirs, which may have no lines at all; and its bytes. */
async function begun(bytes: AsyncGenerator<Uint8Array>): Promise<readonly [boolean, AsyncIterable<Uint8Array>]> {
  const { done, value } = await bytes.next();
  if (done) return [false, bytes];
  const isDocument = /^\ufeff?\s*(?:\[|\{\s*"records"\s*:\s*\[)/.test(Buffer.from(value).toString('utf8', 0, 256));
  return [isDocument, prepended(value, bytes)];
}

async function* prepended(first: Uint8Array, rest: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield first;
  yield* rest;
}

async function* documentFlows(
  path: string,
  bytes: AsyncIterable<Uint8Array>,
  { addresses }: CsvFlowOptions,
): AsyncGenerator<FlowItem[]> {
  const decoder = new TextDecoder();
  const format = jsonDocument(addresses);
  let record = 0;
  const itemsOf = (answers: ReturnType<typeof format.read>) =>
    answers.map((answer): FlowItem => {
      record += 1;
      if (typeof answer !== 'string') return { kind: 'flow', flow: answer };
      return { kind: 'skipped', reason: answer, where: `${path}#${record}` };
    });
  for await (const chunk of bytes) yield itemsOf(format.read(decoder.decode(chunk, { stream: true })));
  yield itemsOf(format.end());
}

/** The first lines of a file, for going on in the middle of it; nothing where there are none yet. */
async function headOf(path: string): Promise<readonly string[]> {
  const file = await open(path, 'r').catch(() => undefined);
  if (file === undefined) return [];
  try {
    const bytes = Buffer.alloc(65_536);
    const { bytesRead } = await file.read(bytes, 0, bytes.length, 0);
    return bytes.subarray(0, bytesRead).toString('utf8').split('\n').slice(0, -1).slice(0, headLines);
  } finally {
    await file.close();
  }
}
