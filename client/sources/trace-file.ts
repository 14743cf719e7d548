/**
 * Trace files, plain or gzip (told apart by gzip's magic number), read as a stream: see trace-lines.ts for the layouts.
 * Every line that holds anything yields one item, the unreadable ones with the reason.
 */
import { createReadStream } from 'node:fs';
import type { Readable } from 'node:stream';
import { createGunzip, type Gunzip } from 'node:zlib';
import { refuse } from '../../proto/fault.ts';
import { type TraceItem, TraceLineParser } from './trace-lines.ts';

/** The items of a file, in order. Never throws: how a file ended before its end is its last item, of kind `broken`. */
export async function* readTraceFile(path: string): AsyncGenerator<TraceItem> {
  yield* readTraces(createReadStream(path, { highWaterMark: 1 << 18 }), path);
}

/** As readTraceFile, from any stream of bytes; `label` names it in faults. */
export async function* readTraces(source: Readable, label: string): AsyncGenerator<TraceItem> {
  const parser = new TraceLineParser();
  try {
    for await (const chunk of decompressed(source)) yield* parser.push(chunk);
  } catch (cause) {
    yield { kind: 'broken', line: parser.line, fault: inputFault(label, cause, parser.line) };
    return;
  } finally {
    source.destroy();
  }
  yield* parser.end();
}

async function* decompressed(source: Readable): AsyncGenerator<Uint8Array> {
  const chunks = source[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  let head: Buffer = Buffer.alloc(0);
  while (head.length < 2) {
    const next = await chunks.next();
    if (next.done) {
      if (head.length > 0) yield head;
      return;
    }
    head = Buffer.concat([head, next.value]);
  }
  const rest: AsyncIterable<Buffer> = { [Symbol.asyncIterator]: () => chunks };
  if (head[0] === 0x1f && head[1] === 0x8b) {
    yield* unzipped(head, rest);
  } else {
    yield head;
    yield* rest;
  }
}

async function* unzipped(head: Buffer, rest: AsyncIterable<Buffer>): AsyncGenerator<Uint8Array> {
  const gunzip = createGunzip();
  const fed = feed(gunzip, head, rest).catch((cause: unknown) => {
    gunzip.destroy(cause as Error); // Its reader below throws the same error.
  });
  try {
    yield* gunzip as AsyncIterable<Uint8Array>;
  } finally {
    gunzip.destroy();
    await fed;
  }
}

async function feed(gunzip: Gunzip, head: Buffer, rest: AsyncIterable<Buffer>): Promise<void> {
  const write = async (chunk: Buffer) => {
    if (gunzip.destroyed || gunzip.write(chunk)) return;
    await new Promise((resolve) => gunzip.once('drain', resolve).once('close', resolve));
  };
  await write(head);
  for await (const chunk of rest) {
    if (gunzip.destroyed) return;
    await write(chunk);
  }
  gunzip.end();
}

function inputFault(label: string, cause: unknown, line: number) {
  const isCutShort = (cause as NodeJS.ErrnoException).code === 'Z_BUF_ERROR';
  if (isCutShort) {
    const message = `${label}: the gzip data end too early, in line ${line}; copy the file again`;
    return refuse('TRACE_FILE_CUT_SHORT', message, { line }).fault;
  }
  const why = cause instanceof Error ? cause.message : String(cause);
  return refuse('TRACE_FILE_UNREADABLE', `${label}: cannot be read beyond line ${line}: ${why}`, { line }).fault;
}
