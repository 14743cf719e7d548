/**
 * Trace files, plain or gzip (told apart by gzip's magic number), read as a stream: one trace per line,
 *
 *     split TAB cluster TAB service TAB family TAB name TAB calls
 *     split TAB family TAB name TAB calls
 *     name TAB calls
 *
 * told apart line by line. Every line yields one item, the unreadable ones with the reason.
 */
import { createReadStream } from 'node:fs';
import type { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { refuse } from '../../proto/fault.ts';
import type { Abi } from '../detectors/syscall/vocabulary.ts';
import { type TraceItem, TraceLineParser } from './trace-line-parser.ts';

export type TraceFileOptions = Readonly<{
  /** How call numbers are read; x86_64 unless said otherwise. */
  abi?: Abi;
}>;

/** The items of a file, in order. Never throws: how a file ended before its end is its last item, of kind `broken`. */
export async function* readTraceFile(path: string, options?: TraceFileOptions): AsyncGenerator<TraceItem> {
  yield* readTraces(createReadStream(path), path, options);
}

/** As readTraceFile, from any stream of bytes; `label` names it in faults. */
export async function* readTraces(
  source: Readable,
  label: string,
  options: TraceFileOptions = {},
): AsyncGenerator<TraceItem> {
  const parser = new TraceLineParser(options.abi ?? 'x86_64');
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

/**
 * Unzips chunk by chunk. Reading the stream itself would lose what it had unzipped before an error: here every chunk's
 * output is handed over before the error that came with it.
 */
async function* unzipped(head: Buffer, rest: AsyncIterable<Buffer>): AsyncGenerator<Uint8Array> {
  const gunzip = createGunzip();
  let output: Buffer[] = [];
  gunzip.on('data', (chunk: Buffer) => output.push(chunk));
  let fault: Error | undefined;
  const failed = new Promise<void>((resolve) => {
    gunzip.once('error', (error) => {
      fault = error;
      resolve();
    });
  });
  const ended = new Promise((resolve) => gunzip.once('end', resolve));
  try {
    for await (const chunk of prepended(head, rest)) {
      await Promise.race([failed, new Promise((resolve) => gunzip.write(chunk, resolve))]);
      const ready = output;
      output = [];
      yield* ready;
      if (fault !== undefined) throw fault;
    }
    gunzip.end();
    await Promise.race([failed, ended]);
    yield* output;
    if (fault !== undefined) throw fault;
  } finally {
    gunzip.destroy();
  }
}

async function* prepended(head: Buffer, rest: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  yield head;
  yield* rest;
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
