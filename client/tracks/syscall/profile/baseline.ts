import { readFile } from 'node:fs/promises';
import { gunzipSync, gzipSync } from 'node:zlib';
import { z } from 'zod';
import { writeFileAtomic } from '../../../../base/atomic-file.ts';
import { type Fault, ok, type Result, refuse } from '../../../../base/fault.ts';
import { contentKey, pieceCallsMax } from '../../../events/trace.ts';
import { callIdOfName, callIdOfNumber, nameOfCallId } from '../../../events/vocabulary.ts';
import { readTraceFile } from '../../../recordings/trace-file.ts';
import type { Example } from '../traces/example.ts';
import { numberOfCallId } from './call-numbers.ts';

/** Distinct traces kept for each workload: enough to set a threshold, little enough to ship beside an image. */
const tracesMax = 1_000;
const bytesMax = 256 * 2 ** 20;
const nameMax = 128;

const stored = z.strictObject({
  version: z.literal(1),
  workloads: z
    .array(
      z.strictObject({
        name: z.string().min(1).max(nameMax),
        /** How often each call was made in the recordings. */
        calls: z.array(z.tuple([z.string(), z.int().positive()])),
        /** x86-64 numbers. */
        traces: z.array(z.array(z.int().nonnegative()).min(1).max(pieceCallsMax)).max(tracesMax),
      }),
    )
    .max(10_000),
});

/** What workloads did before they shipped. */
export type Baseline = Readonly<{
  /** Seeds buffer and thresholds. */
  examples: readonly Example[];
  /** Workload to the ids of the calls it made: any other is marked in alerts. */
  seenCalls: ReadonlyMap<string, ReadonlySet<number>>;
}>;

export type BaselineSummary = Readonly<{
  workloads: readonly Readonly<{
    name: string;
    traces: number;
    distinct: number;
    calls: number;
    differentCalls: number;
  }>[];
  /** Lines that could not be read. */
  faults: readonly Fault[];
}>;

type BaselineFileFault = 'TRACE_FILE_UNREADABLE' | 'TRACE_FILE_CUT_SHORT';

/**
 * Makes a baseline from trace files: benign traces, repeats once, cut to the greatest length of an example. Lines that make no
 * sense are passed over; a file that cannot be read to its end is refused, for half of what a workload does would alarm at the
 * other half. What was there before stays then.
 */
export async function buildBaseline(
  files: readonly string[],
  output: string,
): Promise<Result<BaselineSummary, BaselineFileFault>> {
  const workloads = new Map<string, { calls: Map<number, number>; traces: Map<string, Uint16Array>; count: number }>();
  const faults: Fault[] = [];
  for (const file of files) {
    for await (const item of readTraceFile(file)) {
      if (item.kind === 'broken') {
        const { code, message } = item.fault;
        return refuse(code, `${message}; no baseline was written`);
      }
      if (item.kind !== 'trace') {
        faults.push(item.fault);
        continue;
      }
      const { trace } = item;
      if (trace.split === 'attack' || trace.split === 'intrusion' || trace.calls.length === 0) continue;
      if (trace.service === '' || trace.service.length > nameMax) {
        const message = `line ${item.line}: expected a workload of 1 to ${nameMax} characters, got ${trace.service.length}`;
        faults.push({ code: 'TRACE_LINE_MALFORMED', message });
        continue;
      }
      const found = workloads.get(trace.service) ?? { calls: new Map(), traces: new Map(), count: 0 };
      workloads.set(trace.service, found);
      found.count += 1;
      for (const call of trace.calls) found.calls.set(call, (found.calls.get(call) ?? 0) + 1);
      const calls = trace.calls.slice(0, pieceCallsMax);
      if (found.traces.size < tracesMax) found.traces.set(contentKey(calls), calls);
    }
  }
  const record: z.infer<typeof stored> = {
    version: 1,
    workloads: [...workloads].map(([name, { calls, traces }]) => ({
      name,
      calls: [...calls]
        .map(([id, count]): [string, number] => [nameOfCallId(id), count])
        .sort(([a], [b]) => (a < b ? -1 : 1)),
      traces: [...traces.values()].map((trace) => Array.from(trace, numberOfCallId)),
    })),
  };
  if (workloads.size === 0) return ok({ faults, workloads: [] });
  const json = Buffer.from(JSON.stringify(record));
  await writeFileAtomic(output, output.endsWith('.gz') ? gzipSync(json) : json);
  return ok({
    faults,
    workloads: [...workloads].map(([name, { calls, traces, count }]) => ({
      name,
      traces: count,
      distinct: traces.size,
      calls: [...calls.values()].reduce((sum, value) => sum + value, 0),
      differentCalls: calls.size,
    })),
  });
}

/** What went into a baseline, a line for each workload. */
export function baselineText(workloads: BaselineSummary['workloads']): string {
  const lines = workloads.map(
    ({ name, traces, distinct, calls, differentCalls }) =>
      `${name}: ${traces} traces (${distinct} distinct), ${calls} calls of ${differentCalls} kinds`,
  );
  return lines.join('\n');
}

export async function loadBaseline(path: string): Promise<Result<Baseline, 'BASELINE_UNREADABLE'>> {
  let candidate: unknown;
  try {
    const bytes = await readFile(path);
    const isZip = bytes[0] === 0x1f && bytes[1] === 0x8b;
    candidate = JSON.parse((isZip ? gunzipSync(bytes, { maxOutputLength: bytesMax }) : bytes).toString('utf8'));
  } catch (error) {
    return refuse('BASELINE_UNREADABLE', `${path}: ${(error as Error).message}`);
  }
  const parsed = stored.safeParse(candidate);
  if (!parsed.success) {
    return refuse('BASELINE_UNREADABLE', `${path} is no baseline of this version; make it with \`testudo profile\``);
  }
  const { workloads } = parsed.data;
  return ok({
    examples: workloads.flatMap(({ name, traces }) =>
      traces.map((numbers) => ({
        workload: name,
        calls: Uint16Array.from(numbers, (number) => callIdOfNumber(number, 'x86_64')),
      })),
    ),
    seenCalls: new Map(workloads.map(({ name, calls }) => [name, new Set(calls.map(([call]) => callIdOfName(call)))])),
  });
}
