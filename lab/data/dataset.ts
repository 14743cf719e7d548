import { ok, type Result, refuse } from '../../base/fault.ts';
import type { Random } from '../../base/random.ts';
import { shuffled } from '../../base/random.ts';
import { contentKey, isBenign, type Trace } from '../../client/events/trace.ts';
import type { Abi } from '../../client/events/vocabulary.ts';
import { readTraceFile } from '../../client/recordings/trace-file.ts';

/** Traces to learn from and traces that no training has seen, split by content: no call sequence is in both. */
export type Dataset = Readonly<{
  /** Normal traces, repeated contents included: that is how often they happen. */
  training: readonly Trace[];
  /** Normal and attack traces with contents of their own, each content once. */
  unseen: readonly Trace[];
  /** What was left out, and why; empty where nothing was. */
  leftOut: readonly string[];
}>;

export type DatasetFaultCode = 'DATA_UNREADABLE' | 'DATA_TOO_SMALL';

/** Share of normal contents that are learnt where a file does not say which traces are for training. */
const trainingShare = 0.7;
const minTraining = 20;

/** Reads a labelled trace file in either layout; `abi` says how its call numbers are meant. */
export async function loadDataset(path: string, abi: Abi, random: Random): Promise<Result<Dataset, DatasetFaultCode>> {
  const traces: Trace[] = [];
  let malformedCount = 0;
  for await (const item of readTraceFile(path, { abi })) {
    if (item.kind === 'trace') traces.push(item.trace);
    else if (item.kind === 'malformed') malformedCount++;
    else return refuse('DATA_UNREADABLE', item.fault.message);
  }
  return splitDataset(traces, malformedCount, random);
}

export function splitDataset(
  traces: readonly Trace[],
  malformedCount: number,
  random: Random,
): Result<Dataset, DatasetFaultCode> {
  const keyed = traces.map((trace) => ({ trace, key: contentKey(trace.calls) }));
  const benign = keyed.filter(({ trace }) => isBenign(trace));
  const hostile = keyed.filter(({ trace }) => !isBenign(trace));
  const marked = benign.filter(({ trace }) => trace.split === 'train');
  const learnt = learntKeys(marked, benign, random);
  const benignKeys = new Set(benign.map(({ key }) => key));

  const training = marked.length > 0 ? marked : benign.filter(({ key }) => learnt.has(key));
  const normal = once(benign.filter(({ key }) => !learnt.has(key)));
  const attacks = once(hostile.filter(({ key }) => !benignKeys.has(key)));
  if (training.length < minTraining || normal.length === 0 || attacks.length === 0) {
    return refuse(
      'DATA_TOO_SMALL',
      `the file leaves ${training.length} traces to learn from, ${normal.length} unseen normal and ${attacks.length} attack traces; ` +
        `at least ${minTraining}, 1 and 1 are needed (labels: train, validation or normal; attack or intrusion)`,
    );
  }
  const conflicts = hostile.length - hostile.filter(({ key }) => !benignKeys.has(key)).length;
  const repeats = traces.length - training.length - normal.length - attacks.length - conflicts;
  return ok({
    training: training.map(({ trace }) => trace),
    unseen: [...normal, ...attacks].map(({ trace }) => trace),
    leftOut: [
      ...note(malformedCount, 'lines that are no traces'),
      ...note(conflicts, 'attack traces equal to a normal one'),
      ...note(repeats, 'unseen traces equal to one that is learnt or to each other'),
    ],
  });
}

type Keyed = Readonly<{ trace: Trace; key: string }>;

/** Contents that are learnt: what the file marks for training, or a draw by content where it marks nothing. */
function learntKeys(marked: readonly Keyed[], benign: readonly Keyed[], random: Random): ReadonlySet<string> {
  if (marked.length > 0) return new Set(marked.map(({ key }) => key));
  const keys = shuffled([...new Set(benign.map(({ key }) => key))].sort(), random);
  return new Set(keys.slice(0, Math.ceil(trainingShare * keys.length)));
}

function once(traces: readonly Keyed[]): Keyed[] {
  const seen = new Set<string>();
  return traces.filter(({ key }) => !seen.has(key) && seen.add(key));
}

function note(count: number, what: string): string[] {
  return count === 0 ? [] : [`${count} ${what}`];
}
