import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import type { FlowBatch, FlowItem } from '../events/source-item.ts';
import { readerUnder, readerWithoutHeader } from './csv-layouts.ts';
import { CsvRecords } from './csv-records.ts';
import { decompressed } from './decompressed.ts';
import { type FilePosition, type FollowOptions, followFile } from './file-follower.ts';
import type { CsvFlowOptions, CsvReader } from './layouts/layout.ts';
import { skippedLine } from './line-items.ts';
import { boundedLines } from './lines.ts';

/** Flows handed on at once when a file is read as a whole. */
const batchSize = 256;

/**
 * Flow records of a CSV file that is written to, through rotation: the layout is told by the header, and each file may
 * have another. A record that goes on over a rotation is passed over.
 */
export async function* csvFlowFile(
  path: string,
  { follow, layout }: Readonly<{ follow: FollowOptions; layout: CsvFlowOptions }>,
): AsyncGenerator<FlowBatch<FilePosition>> {
  let reader = new FlowRows(path, layout, follow.from === undefined ? undefined : await headerOf(path));
  let inode = follow.from?.inode;
  let last: FilePosition | undefined;
  for await (const line of followFile(path, follow)) {
    if (line.kind === 'idle') {
      yield { items: [], cursor: undefined };
      continue;
    }
    const { after } = line;
    const items: FlowItem[] = [];
    // A file that was emptied begins anew under its inode.
    if (inode !== undefined && (after.inode !== inode || (line.kind === 'line' && line.offset === 0))) {
      items.push(...reader.end());
      reader = new FlowRows(path, layout);
    }
    inode = after.inode;
    last = after;
    const where = `${path}:${line.offset}`;
    if (line.kind === 'line' && line.repaired === true) items.push({ kind: 'repaired', where });
    if (line.kind === 'skipped') items.push(skippedLine(line, where));
    else items.push(...reader.push(line.text));
    // Not within a record: a restart must not begin in the middle of one.
    yield { items, cursor: reader.isBetweenRecords ? after : undefined };
  }
  yield { items: reader.end(), cursor: last };
}

/**
 * All flow records of a recorded CSV file, plain or gzip, once. Ends with the error that reading ended with, if any, after
 * everything that could be read before it.
 */
export async function* csvFlowRecording(path: string, layout: CsvFlowOptions): AsyncGenerator<FlowItem[]> {
  const reader = new FlowRows(path, layout);
  let items: FlowItem[] = [];
  for await (const line of boundedLines(decompressed(createReadStream(path)))) {
    items.push(...(line === undefined ? reader.skipLine() : reader.push(line)));
    if (items.length < batchSize) continue;
    yield items;
    items = [];
  }
  items.push(...reader.end());
  yield items;
}

/** The records of one file. */
class FlowRows {
  readonly #path: string;
  readonly #layout: CsvFlowOptions;
  readonly #records = new CsvRecords();
  #read: CsvReader | undefined;
  #width = 0;

  constructor(path: string, layout: CsvFlowOptions, header?: readonly string[]) {
    this.#path = path;
    this.#layout = layout;
    if (header !== undefined) this.#begin(header);
  }

  get isBetweenRecords(): boolean {
    return this.#records.isBetweenRecords;
  }

  push(line: string): FlowItem[] {
    return this.#items(this.#records.push(line));
  }

  skipLine(): FlowItem[] {
    return [...this.#items(this.#records.skipLine()), this.#skipped('LINE_TOO_LONG', this.#records.line)];
  }

  end(): FlowItem[] {
    return this.#items(this.#records.end());
  }

  #items(records: ReturnType<CsvRecords['push']>): FlowItem[] {
    const items: FlowItem[] = [];
    for (const record of records) {
      const item =
        record.kind === 'malformed'
          ? this.#skipped('MALFORMED_CSV', record.line)
          : this.#itemOf(record.fields, record.line);
      if (item !== undefined) items.push(item);
    }
    return items;
  }

  #itemOf(fields: readonly string[], line: number): FlowItem | undefined {
    if (fields.length === 1 && fields[0] === '') return undefined;
    if (this.#read === undefined) {
      if (this.#begin(fields)) return undefined;
      this.#read = readerWithoutHeader(fields, this.#layout);
      this.#width = fields.length;
      if (this.#read === undefined) return this.#skipped('UNKNOWN_LAYOUT', line);
    }
    if (fields.length !== this.#width) return this.#skipped('WRONG_FIELD_COUNT', line);
    const flow = this.#read(fields);
    if (flow === undefined) return undefined;
    return typeof flow === 'string' ? this.#skipped(flow, line) : { kind: 'flow', flow };
  }

  #begin(header: readonly string[]): boolean {
    this.#read = readerUnder(header, this.#layout);
    this.#width = header.length;
    return this.#read !== undefined;
  }

  #skipped(reason: Extract<FlowItem, { kind: 'skipped' }>['reason'], line: number): FlowItem {
    return { kind: 'skipped', reason, where: `${this.#path}:${line}` };
  }
}

/** The first record of a file, for going on in the middle of it; nothing where there is none yet. */
async function headerOf(path: string): Promise<readonly string[] | undefined> {
  const file = await open(path, 'r').catch(() => undefined);
  if (file === undefined) return undefined;
  try {
    const bytes = Buffer.alloc(65_536);
    const { bytesRead } = await file.read(bytes, 0, bytes.length, 0);
    const end = bytes.subarray(0, bytesRead).indexOf(10);
    if (end === -1) return undefined;
    const [record] = new CsvRecords().push(bytes.subarray(0, end).toString('utf8'));
    return record?.kind === 'record' ? record.fields : undefined;
  } finally {
    await file.close();
  }
}
