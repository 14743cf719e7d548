import { ok, type Result, refuse } from '../../../../base/fault.ts';
import { endOfFlow, type ObservedFlow } from '../../../events/flow-record.ts';
import { isBenign, type Trace } from '../../../events/trace.ts';
import { AddressBook } from '../../../recordings/address-book.ts';
import { csvFlowRecording } from '../../../recordings/csv-flow-file.ts';
import { sortedFlows } from '../../../recordings/sorted-flows.ts';
import { readTraceFile, type TraceFileOptions } from '../../../recordings/trace-file.ts';
import type { FileJudge } from '../../file-judge.ts';
import { Minutes, minuteLine, type Side } from '../../minutes.ts';
import type { PlaceScorer } from '../../place-scores.ts';
import { writeLines } from '../../score-lines.ts';
import type { SyscallScorer } from '../scoring/scoring.ts';
import { traceRates } from '../traces/trace-rates.ts';
import type { Labelled } from './evaluation.ts';
import { distinct } from './relearnt.ts';

/** What the rates of traces are counted from. */
export type Rating = Readonly<{
  /** Opens a judge for one cluster. */
  open(): FileJudge;
  /** What is normal: it is counted where it has times, and thresholds start from it. */
  normal: readonly Trace[];
  /** What opens scorers that have learnt some of a cluster's traces alone; undefined where the model's has learnt none. */
  alone(cluster: string): ((normal: readonly Trace[]) => SyscallScorer) | undefined;
  /** A recording of the flows of the same time: sessions and refusals count for traces. */
  flows: string | undefined;
}>;

type Timed = Labelled & Readonly<{ endedMs: number }>;

/**
 * Traces with times, judged cluster by cluster as a client would have: by its thresholds, and with the rates of their workloads.
 * Undefined where no trace has a time. Traces of the split "train" are what is normal.
 */
export async function rateTraces(
  scorer: SyscallScorer,
  scored: readonly Labelled[],
  { open, alone, normal, flows }: Rating,
): Promise<Result<Minutes | undefined, 'INPUT_UNREADABLE'>> {
  const timed = scored.flatMap((one): Timed[] => {
    const { endedMs } = one.trace;
    return endedMs === undefined ? [] : [{ ...one, endedMs }];
  });
  const judged = timed.filter(({ trace }) => trace.split !== 'train').sort((a, b) => a.endedMs - b.endedMs);
  if (judged.length === 0) return ok(undefined);
  const own = scored.filter(({ trace }) => trace.split === 'train').map(({ trace }) => trace);
  const known = (normal.length > 0 ? normal : own).filter(isBenign);
  let minutes: Minutes | undefined;
  for (const [cluster, here] of Map.groupBy(judged, ({ trace }) => trace.cluster ?? '')) {
    const judge = open();
    minutes ??= new Minutes(judge.intervalMs);
    const own = known.filter((trace) => (trace.cluster ?? '') === cluster);
    const opened = alone(cluster);
    await judge.start<Trace>({
      normal: distinct(own),
      scorer: byPlaces(scorer),
      open: opened && (async (some) => byPlaces(opened(some))),
    });
    count(judge, own);
    const recorded = flows === undefined ? ok([]) : await flowsOf(flows, cluster);
    if (!recorded.ok) return recorded;
    const heard = recorded.value.values();
    const startMs = Math.min(here[0]?.endedMs ?? 0, ...recorded.value.slice(0, 1).map(endOfFlow));
    judge.resumeAt(startMs);
    let next = heard.next();
    for (const { trace, score, endedMs } of here) {
      for (; !next.done && endOfFlow(next.value) <= endedMs; next = heard.next()) judge.hear(next.value);
      const place = { group: trace.service, score, view: viewOf(trace, endedMs), nowMs: endedMs };
      const side = sideOf(trace);
      minutes.add(place, judge.judge(place), side, side === 'benign' ? [] : [trace.family], cluster);
    }
  }
  return ok(minutes);
}

/** Scores a trace file by the minute: one line for each workload and minute. Held in memory as a whole. */
export async function scoreMinutes(
  scorer: SyscallScorer,
  { input, output }: Readonly<{ input: string; output: string }>,
  options: TraceFileOptions,
  rating: Rating,
): Promise<Result<string, 'INPUT_UNREADABLE' | 'OUTPUT_UNWRITABLE'>> {
  const scored: Labelled[] = [];
  let unreadable = 0;
  for await (const item of readTraceFile(input, options)) {
    if (item.kind === 'trace') scored.push({ trace: item.trace, score: scorer.score([item.trace])[0] ?? 0 });
    else unreadable += 1;
  }
  const rated = await rateTraces(scorer, scored, rating);
  if (!rated.ok) return rated;
  if (rated.value === undefined) return refuse('INPUT_UNREADABLE', `${input}: ${noTimes}`);
  const minutes = rated.value.inOrder();
  const written = await writeLines(minutes.values().map(minuteLine), output);
  const toJudge = scored.filter(({ trace }) => trace.split !== 'train');
  const untimed = toJudge.filter(({ trace }) => trace.endedMs === undefined).length;
  const timeless = untimed === 0 ? '' : `; ${untimed} without a time are in none`;
  const skipped = unreadable === 0 ? '' : `; ${unreadable} lines unreadable`;
  const judged = `${toJudge.length - untimed} traces in ${minutes.length} minutes of workloads scored`;
  return written.ok ? ok(`${judged}${timeless}${skipped}`) : written;
}

export const noTimes =
  'no trace to judge has a time, so nothing was counted by the minute; a column before the calls says when a trace ended (docs/detection.md, Rates)';

/** A trace is one place; its threshold is its service's. */
function byPlaces(scorer: SyscallScorer): PlaceScorer<Trace> {
  return {
    score(traces) {
      const scores = scorer.score(traces);
      return traces.map(({ service }, at) => ({ groups: [service], scores: scores.subarray(at, at + 1) }));
    },
    close: () => scorer.close(),
  };
}

function count(judge: FileJudge, normal: readonly Trace[]): void {
  const timed = normal.flatMap((trace) => (trace.endedMs === undefined ? [] : [viewOf(trace, trace.endedMs)]));
  for (const view of timed.sort((a, b) => a.atMs - b.atMs)) judge.count(view);
}

function viewOf({ service, calls }: Trace, endedMs: number) {
  return traceRates({ process: { namespace: '', workload: service }, calls, piece: 0, lastMs: endedMs });
}

function sideOf(trace: Trace): Side {
  if (!isBenign(trace)) return 'hostile';
  return trace.family === 'drift' ? 'drift' : 'benign';
}

/** Flows of a cluster in the order of their ends. */
async function flowsOf(path: string, cluster: string): Promise<Result<ObservedFlow[], 'INPUT_UNREADABLE'>> {
  const flows: ObservedFlow[] = [];
  try {
    const part = cluster === '' ? undefined : cluster;
    for await (const items of sortedFlows(csvFlowRecording(path, { addresses: new AddressBook(), part }))) {
      for (const item of items) if (item.kind === 'flow') flows.push(item.flow);
    }
  } catch (error) {
    return refuse('INPUT_UNREADABLE', `--flows: ${path}: ${(error as Error).message}`);
  }
  return ok(flows.sort((a, b) => endOfFlow(a) - endOfFlow(b)));
}
