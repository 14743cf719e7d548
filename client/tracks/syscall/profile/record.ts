import { spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { ok, type Result, refuse } from '../../../../base/fault.ts';
import { straceFile } from '../../../recordings/strace-file.ts';
import { type AssembledTrace, TraceAssembler } from '../traces/trace-assembler.ts';
import { numberOfCallId } from './call-numbers.ts';

export type RecordFault = 'STRACE_MISSING' | 'STRACE_FAILED' | 'COMMAND_MISSING' | 'NOTHING_RECORDED';

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
 * Runs a command under strace and writes its system calls as a trace file: one line per thread or piece, split `train`.
 * The command has the terminal; strace's text goes to a private temporary file that is removed.
 */
export async function recordCommand({
  command,
  workload,
  output,
}: RecordOptions): Promise<Result<Recorded, RecordFault>> {
  const folder = await mkdtemp(join(tmpdir(), 'testudo-record-'));
  const text = join(folder, 'strace.txt');
  try {
    const ran = await runTraced(command, text);
    if (!ran.ok) return ran;
    const found = { traces: 0, calls: 0, skipped: 0 };
    const lines = Readable.from(traceLines(text, workload, found));
    const zip = output.endsWith('.gz') ? [createGzip()] : [];
    await pipeline([lines, ...zip, createWriteStream(output, { mode: 0o600 })]);
    if (found.traces === 0) {
      return refuse('NOTHING_RECORDED', 'strace wrote no call: is tracing forbidden here (ptrace_scope, seccomp)?');
    }
    return ok({ exitCode: ran.value, ...found });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function runTraced(command: readonly [string, ...string[]], text: string): Promise<Result<number, RecordFault>> {
  return new Promise((resolve) => {
    const args = [
      '-f',
      '-ttt',
      '-qq',
      '-s',
      '256',
      '-e',
      'trace=all',
      '-e',
      'signal=none',
      '-o',
      text,
      '--',
      ...command,
    ];
    const child = spawn('strace', args, { stdio: ['inherit', 'inherit', 'pipe'] });
    let complaint = '';
    child.stderr.on('data', (chunk: Buffer) => {
      // The command's own standard error comes through strace's.
      process.stderr.write(chunk);
      if (complaint.length < 2_000) complaint += chunk.toString('utf8');
    });
    child.on('error', (error: NodeJS.ErrnoException) => {
      const missing = error.code === 'ENOENT';
      resolve(
        missing
          ? refuse('STRACE_MISSING', 'strace is not on PATH; install it (Debian: apt-get install strace)')
          : refuse('STRACE_FAILED', `strace did not start: ${error.message}`),
      );
    });
    child.on('close', (code, signal) => {
      const said = /^strace: (.*)$/m.exec(complaint)?.[1];
      if (code !== 0 && said !== undefined) {
        const isMissing = /^Can't stat|^Cannot find executable/.test(said);
        resolve(refuse(isMissing ? 'COMMAND_MISSING' : 'STRACE_FAILED', `strace: ${said}`));
        return;
      }
      resolve(ok(code ?? 128 + (signalNumbers[signal ?? ''] ?? 0)));
    });
  });
}

const signalNumbers: Readonly<Record<string, number>> = { SIGHUP: 1, SIGINT: 2, SIGQUIT: 3, SIGKILL: 9, SIGTERM: 15 };

async function* traceLines(
  text: string,
  workload: string,
  found: { traces: number; calls: number; skipped: number },
): AsyncGenerator<string> {
  const assembler = new TraceAssembler({ pieceCalls, threadsMax: 100_000, quietMs: Number.POSITIVE_INFINITY });
  const signal = new AbortController().signal;
  let order = 0;
  const write = ({ process, piece, calls }: AssembledTrace) => {
    found.traces += 1;
    found.calls += calls.length;
    const name = `${workload}.${process.pid}.s${piece}`;
    return `train\t${workload}\t${name}\t${Array.from(calls, numberOfCallId).join(' ')}\n`;
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
