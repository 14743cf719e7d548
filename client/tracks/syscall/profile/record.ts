import { createWriteStream } from 'node:fs';
import { access, constants, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { commitFile, discardWriting, writingPlaceOf } from '../../../../base/atomic-file.ts';
import { ok, type Result, refuse } from '../../../../base/fault.ts';
import { straceFile } from '../../../recordings/strace-file.ts';
import { type AssembledTrace, TraceAssembler } from '../traces/trace-assembler.ts';
import { numberOfCallId } from './call-numbers.ts';
import { runTraced, type TraceFault } from './traced-command.ts';

export type RecordFault = TraceFault | 'OUTPUT_UNWRITABLE';

export type Recorded = Readonly<{
  /** The command's own; 128 and the signal's number when one ended it. */
  exitCode: number;
  traces: number;
  calls: number;
  /** Lines of strace's text that are no call and no remark. */
  skipped: number;
}>;

export type RecordOptions = Readonly<{
  command: readonly [string, ...string[]];
  workload: string;
  /** A trace file: gzip when its name ends in .gz. */
  output: string;
}>;

/** Long-lived threads are cut into pieces of this many calls, as live sources do. */
const pieceCalls = 500;

/**
 * Runs a command under strace and writes its system calls as a trace file: one line per thread or piece, with the time of its last call,
 * split `train`.
 * The command has the terminal; strace's text goes to a private temporary file that is removed. Whatever the command prints and
 * however it ends, the recording is written.
 */
export async function recordCommand({
  command,
  workload,
  output,
}: RecordOptions): Promise<Result<Recorded, RecordFault>> {
  // Asked before: what a long run did must not be lost for want of a folder.
  const isWritable = await access(dirname(output), constants.W_OK).then(
    () => true,
    () => false,
  );
  if (!isWritable) return refuse('OUTPUT_UNWRITABLE', `${dirname(output)}: no folder that can be written to`);
  const folder = await mkdtemp(join(tmpdir(), 'testudo-record-'));
  const text = join(folder, 'strace.txt');
  try {
    const ran = await runTraced(command, text);
    if (!ran.ok) return ran;
    const found = { traces: 0, calls: 0, skipped: 0 };
    const lines = Readable.from(traceLines(text, workload, found));
    const zip = output.endsWith('.gz') ? [createGzip()] : [];
    const partial = writingPlaceOf(output);
    try {
      await pipeline([lines, ...zip, createWriteStream(partial, { mode: 0o600 })]);
      await commitFile(partial, output);
    } catch (error) {
      await discardWriting(partial, output);
      const message = `${output}: ${(error as Error).message}; make room or choose another place, and record it again`;
      return refuse('OUTPUT_UNWRITABLE', message);
    }
    return ok({ exitCode: ran.value, ...found });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function* traceLines(
  text: string,
  workload: string,
  found: { traces: number; calls: number; skipped: number },
): AsyncGenerator<string> {
  const assembler = new TraceAssembler({ pieceCalls, threadsMax: 100_000, quietMs: Number.POSITIVE_INFINITY });
  const signal = new AbortController().signal;
  let order = 0;
  const write = ({ process, piece, calls, lastMs }: AssembledTrace) => {
    found.traces += 1;
    found.calls += calls.length;
    const name = `${workload}.${process.pid}.s${piece}`;
    const ended = (lastMs / 1_000).toFixed(3);
    return `train\t${workload}\t${name}\t${ended}\t${Array.from(calls, numberOfCallId).join(' ')}\n`;
  };
  for await (const { items } of straceFile(text, workload, { follow: false, signal })) {
    for (const item of items) {
      order += 1;
      if (item.kind === 'skipped') found.skipped += 1;
      const done =
        item.kind === 'call' ? assembler.push(item, order, 0) : item.kind === 'end' ? assembler.end(item.thread) : [];
      for (const trace of done) yield write(trace);
    }
  }
  for (const trace of assembler.flush()) yield write(trace);
}
