/**
 * Trace files, plain, gzip or zstd (told apart by their magic numbers), read as a stream: one trace per line,
 *
 *     split TAB cluster TAB service TAB family TAB name TAB ended TAB calls
 *     split TAB cluster TAB service TAB family TAB name TAB calls
 *     split TAB family TAB name TAB ended TAB calls
 *     split TAB family TAB name TAB calls
 *     name TAB calls
 *
 * told apart line by line. `ended`: epoch seconds, with fractions, or a time as in 2026-11-29T21:00:00Z. Every line yields one item, the unreadable ones with the reason.
 */
import { createReadStream } from 'node:fs';
import type { Readable } from 'node:stream';
import { refuse } from '../../base/fault.ts';
import type { Abi } from '../events/vocabulary.ts';
import { decompressed } from './compressed/decompressed.ts';
import { noticeCutLine } from './compressed/unread-ends.ts';
import { untilAborted } from './lines.ts';
import { type TraceItem, TraceLineParser } from './trace-line-parser.ts';

export type TraceFileOptions = Readonly<{
  /** How call numbers are read; x86_64 unless said otherwise. */
  abi?: Abi;
  /** Ends reading between two chunks, as if the file ended there. */
  signal?: AbortSignal;
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
    for await (const chunk of untilAborted(decompressed(source), options.signal)) yield* parser.push(chunk);
  } catch (cause) {
    yield { kind: 'broken', line: parser.line, fault: inputFault(label, cause, parser.line) };
    return;
  } finally {
    source.destroy();
  }
  for (const item of parser.end()) {
    if (item.kind === 'malformed') noticeCutLine(source);
    yield item;
  }
}

function inputFault(label: string, cause: unknown, line: number) {
  const isCutShort = (cause as NodeJS.ErrnoException).code === 'Z_BUF_ERROR';
  if (isCutShort) {
    const message = `${label}: the compressed data end too early, in line ${line}; copy the file again`;
    return refuse('TRACE_FILE_CUT_SHORT', message, { line }).fault;
  }
  const why = cause instanceof Error ? cause.message : String(cause);
  return refuse('TRACE_FILE_UNREADABLE', `${label}: cannot be read beyond line ${line}: ${why}`, { line }).fault;
}
