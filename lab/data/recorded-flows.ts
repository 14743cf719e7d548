import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { makeFolder } from '../../base/atomic-file.ts';

/** The rows of one recorded cluster, as text: what it may learn from and what came after. */
export type RecordedFlows = Readonly<{
  cluster: string;
  header: string;
  /** Normal flows that began before the end of its training window. */
  learnt: readonly string[];
  /** All flows from then on: normal, drift and intrusions, in the order of time. */
  later: readonly string[];
  trainEndMs: number;
}>;

/** Length of the windows in which unseen flows are judged; the recorded training windows end on a multiple of it. */
export const flowWindowMs = 5_000;

/**
 * The flows that ship with the project, by cluster (11 of them). `folder`: where flows.csv.gz and clusters.tsv lie. Throws
 * when they cannot be read: they are part of the product.
 */
export async function readRecordedFlows(folder: string): Promise<ReadonlyMap<string, RecordedFlows>> {
  const limits = await readFile(join(folder, 'clusters.tsv'), 'utf8');
  const text = (await promisify(gunzip)(await readFile(join(folder, 'flows.csv.gz')))).toString('utf8');
  const [header = '', ...rows] = text.trimEnd().split(/\r?\n/);
  const columns = header.split(',');
  const [start, cluster, family] = ['start_s', 'cluster', 'family'].map((name) => columns.indexOf(name)) as [
    number,
    number,
    number,
  ];
  const timed = rows.map((row) => {
    const fields = row.split(',');
    return { row, atMs: Number(fields[start]) * 1e3, cluster: fields[cluster], family: fields[family] };
  });
  const byCluster = Map.groupBy(
    timed.sort((a, b) => a.atMs - b.atMs),
    (one) => one.cluster,
  );
  const recorded = new Map<string, RecordedFlows>();
  for (const line of limits.trimEnd().split('\n').slice(1)) {
    const [name = '', trainEnd = ''] = line.split('\t');
    // A window begins on a multiple of its length: one that began in training is neither learnt as a whole nor judged.
    const trainEndMs = Math.ceil((Number(trainEnd) * 1e3) / flowWindowMs) * flowWindowMs;
    const own = byCluster.get(name) ?? [];
    recorded.set(name, {
      cluster: name,
      header,
      learnt: own.filter((one) => one.atMs < Number(trainEnd) * 1e3 && one.family === 'normal').map(({ row }) => row),
      later: own.filter(({ atMs }) => atMs >= trainEndMs).map(({ row }) => row),
      trainEndMs,
    });
  }
  return recorded;
}

/** Which recorded cluster's flows each cluster of the main job has. */
export type FlowMapping = Readonly<{
  flowsOf: ReadonlyMap<string, string>;
  /** Recorded clusters whose flows nobody learns from. */
  leftOut: readonly string[];
  /** Whether the names are the recording's own: then system calls and flows are of one and the same cluster. */
  isNative: boolean;
}>;

/** At most so many topologies are learnt from, so that some are left that nobody ever saw. */
const learntTopologiesMax = 8;

/** By name where the clusters `areRecorded`: their system calls are the recording's own, not only their names; else in turn, several clusters sharing a topology where there are many. */
export function mapFlows(clusters: readonly string[], recorded: readonly string[], areRecorded: boolean): FlowMapping {
  const isNative =
    areRecorded && clusters.length <= learntTopologiesMax && clusters.every((name) => recorded.includes(name));
  const pool = recorded.slice(0, learntTopologiesMax);
  const flowsOf = new Map(
    clusters.map((name, at) => [name, isNative ? name : (pool[at % pool.length] as string)] as const),
  );
  const learnt = new Set(flowsOf.values());
  return { flowsOf, leftOut: recorded.filter((name) => !learnt.has(name)), isNative };
}

/** Writes rows as a CSV file that `flowRecording` sources and `testudo score --track flow` read. */
export async function writeFlows(path: string, header: string, rows: readonly string[]): Promise<void> {
  makeFolder(join(path, '..'));
  await writeFile(path, `${[header, ...rows].join('\n')}\n`, { mode: 0o600 });
}
