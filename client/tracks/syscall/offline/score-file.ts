import { createWriteStream } from 'node:fs';
import type { Writable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { commitFile, discardWriting, writingPlaceOf } from '../../../../base/atomic-file.ts';
import { ok, type Result, refuse } from '../../../../base/fault.ts';
import type { Trace } from '../../../events/trace.ts';
import { readTraceFile, readTraces, type TraceFileOptions } from '../../../recordings/trace-file.ts';
import type { TraceItem } from '../../../recordings/trace-line-parser.ts';
import type { SyscallScorer } from '../scoring/scoring.ts';

export type ScoreFileOptions = TraceFileOptions & Readonly<{ by?: 'trace' | 'window' }>;

export type ScoreSummary = Readonly<{
  traces: number;
  malformed: number;
  /** Where the unreadable lines are; the first hundred. */
  malformedLines: readonly number[];
  unknownCalls: number;
  droppedCalls: number;
  /** The input ended before its end; what was readable is scored. */
  broken?: string;
}>;

export type ScoreFileFaultCode = 'INPUT_UNREADABLE' | 'OUTPUT_UNWRITABLE';

/** Traces are scored in batches of about this many calls: memory stays bounded, native operations stay large. */
const callsPerBatch = 2 ** 18;

/**
 * Scores a trace file, "-" being standard input and output, one line `name TAB score` per input line, in order. By
 * window: one line `name TAB start TAB score` per window instead. A line that cannot be read scores 0 (nothing in it is
 * known to be hostile) and is counted; its name is "line-N" where it has none. The output file appears when it is whole;
 * an input without a single trace is refused, and nothing is written.
 */
export async function scoreTraceFile(
  scorer: SyscallScorer,
  input: string,
  output: string,
  options: ScoreFileOptions = {},
): Promise<Result<ScoreSummary, ScoreFileFaultCode>> {
  const partial = writingPlaceOf(output);
  const sink = output === '-' ? process.stdout : createWriteStream(partial);
  const writing = watchErrors(sink);
  const summary = { traces: 0, malformed: 0, malformedLines: [] as number[], unknownCalls: 0, droppedCalls: 0 };
  let broken: { message: string; line: number } | undefined;
  let batch: TraceItem[] = [];
  let calls = 0;
  const flush = async () => {
    const text = linesOf(scorer, batch, options.by ?? 'trace');
    batch = [];
    calls = 0;
    if (text !== '' && !sink.write(text))
      await Promise.race([new Promise<void>((go) => sink.once('drain', () => go())), writing.failed]);
  };
  const items = input === '-' ? readTraces(process.stdin, 'standard input', options) : readTraceFile(input, options);
  for await (const item of items) {
    if (writing.error !== undefined) break;
    if (item.kind === 'broken') {
      broken = { message: item.fault.message, line: item.line };
      continue;
    }
    batch.push(item);
    if (item.kind === 'trace') {
      summary.traces++;
      summary.unknownCalls += item.unknownCalls;
      summary.droppedCalls += item.droppedCalls;
      calls += item.trace.calls.length;
    } else {
      summary.malformed++;
      if (summary.malformedLines.length < 100) summary.malformedLines.push(item.line);
    }
    if (calls >= callsPerBatch) await flush();
  }
  // Nothing was written so far where no trace was read.
  if (summary.traces > 0) await flush();
  if (output !== '-') {
    if (writing.error === undefined) sink.end();
    await finished(sink).catch(() => {}); // Its error is in `writing`.
  }
  if (writing.error !== undefined) {
    if (output !== '-') await discardWriting(partial, output);
    return refuse('OUTPUT_UNWRITABLE', `${output}: ${writing.error.message}; free space or choose another place`);
  }
  if (summary.traces === 0) {
    if (output !== '-') await discardWriting(partial, output);
    return refuse('INPUT_UNREADABLE', nothingText(input, summary.malformed, broken?.message));
  }
  if (output !== '-') await commitFile(partial, output, { durable: false });
  return ok(broken === undefined ? summary : { ...summary, broken: broken.message });
}

function nothingText(input: string, malformed: number, broken: string | undefined): string {
  const label = input === '-' ? 'standard input' : input;
  if (malformed === 0) return broken ?? `${label} is empty: there is nothing to score`;
  const lines = `${label}: none of the ${malformed} lines read is a trace, so nothing was scored; is it a trace file?`;
  return broken === undefined ? lines : `${lines} ${broken}`;
}

/** A sentence about what was read. */
export function summaryText(summary: ScoreSummary): string {
  const notes = [
    `${summary.traces} traces scored`,
    summary.malformed > 0 &&
      `${summary.malformed} lines unreadable (scored 0), first at ${summary.malformedLines.slice(0, 5).join(', ')}`,
    summary.unknownCalls > 0 && `${summary.unknownCalls} calls unknown`,
    summary.droppedCalls > 0 && `${summary.droppedCalls} calls beyond the length limit left out`,
    summary.broken,
  ];
  return notes.filter(Boolean).join('; ');
}

function linesOf(scorer: SyscallScorer, items: readonly TraceItem[], by: 'trace' | 'window'): string {
  const traces = items.flatMap((item) => (item.kind === 'trace' ? [item.trace] : []));
  const scores = by === 'trace' ? scorer.score(traces) : new Float64Array(traces.length);
  let next = 0;
  return items
    .map((item) => {
      if (item.kind !== 'trace')
        return `${item.kind === 'malformed' && item.name !== '' ? clean(item.name) : `line-${item.line}`}\t0\n`;
      const score = scores[next++] as number;
      return by === 'trace' ? `${clean(item.trace.name)}\t${score.toFixed(6)}\n` : windowLines(scorer, item.trace);
    })
    .join('');
}

function windowLines(scorer: SyscallScorer, trace: Trace): string {
  const { starts, scores } = scorer.scoreWindows(trace);
  if (starts.length === 0) return `${clean(trace.name)}\t0\t0\n`;
  return [...starts].map((start, i) => `${clean(trace.name)}\t${start}\t${scores[i]?.toFixed(6)}\n`).join('');
}

/** A name from a file, safe to print: no control characters. */
function clean(name: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not reach a terminal or split a line.
  return name.replace(/[\x00-\x1f\x7f]/g, '?');
}

function watchErrors(sink: Writable): { error: Error | undefined; failed: Promise<void> } {
  const watched: { error: Error | undefined; failed: Promise<void> } = { error: undefined, failed: Promise.resolve() };
  watched.failed = new Promise((resolve) => {
    sink.once('error', (error) => {
      watched.error = error;
      resolve();
    });
  });
  return watched;
}
