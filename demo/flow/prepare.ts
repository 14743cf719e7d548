import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { unwrap } from '../../base/fault.ts';
import { defaultFlowDetector, type FlowDetectorName } from '../../client/tracks/flow/detector-names.ts';
import { flowDetectorStart } from '../../client/tracks/flow/detectors.ts';
import type { NamedSlice } from '../../client/tracks/flow/graph/slice.ts';
import { readFlowWindows } from '../../client/tracks/flow/offline/flow-windows.ts';
import { injectedMovement } from '../../lab/data/injected-movement.ts';
import {
  type FlowMapping,
  flowWindowMs,
  mapFlows,
  type RecordedFlows,
  readRecordedFlows,
  writeFlows,
} from '../../lab/data/recorded-flows.ts';
import type { DemoOptions } from '../options.ts';
import type { Prepared, Training } from '../prepare.ts';

/** A cluster's flows as files in the recorded layout, and as windows of its service graph. */
export type FlowCluster = Readonly<{
  /** Whose flows they are. */
  recorded: string;
  learntFile: string;
  /** Windows that nobody learns from: normal work, recorded intrusions, injected movements. */
  laterFile: string;
  learnt: readonly NamedSlice[];
  later: readonly NamedSlice[];
}>;

/** Everything that the flow track's part is decided by; the same for the same clusters and seed, in any process. */
export type PreparedFlow = Readonly<{
  detector: FlowDetectorName;
  start: ReturnType<typeof flowDetectorStart>;
  mapping: FlowMapping;
  clusters: ReadonlyMap<string, FlowCluster>;
  /** Topologies that nobody learns from. */
  leftOut: ReadonlyMap<string, FlowCluster>;
  rounds: number;
  training: Training;
}>;

/** Little: the topologies have a handful of edges each, and every step learns from all of them. */
const rounds = 3;
const training: Training = { steps: 20, batchSize: 64, learningRate: 0.01 };
/** Injected movements of each cluster, in the first quiet windows after training. */
const walks = 3;

const recordedFolder = fileURLToPath(new URL('../../data/recorded', import.meta.url));

/** What of the main job decides whose flows each cluster has. */
type FlowFor = Pick<Prepared, 'clusters' | 'partition'> & Readonly<{ options: Pick<DemoOptions, 'data' | 'seed'> }>;

/** Reads the recorded flows and writes each cluster's part into `folder`, where its client and `testudo score` can read it. */
export async function prepareFlow(
  { clusters, partition, options: { data, seed } }: FlowFor,
  folder: string,
): Promise<PreparedFlow> {
  const recorded = await readRecordedFlows(recordedFolder);
  const areRecorded = partition.kind === 'column' && resolve(data) === join(recordedFolder, 'syscalls.tsv.gz');
  const mapping = mapFlows([...clusters.keys()], [...recorded.keys()], areRecorded);
  const written = new Map<string, FlowCluster>();
  for (const [at, name] of [...new Set([...mapping.flowsOf.values(), ...mapping.leftOut])].entries()) {
    written.set(name, await writeCluster(recorded.get(name) as RecordedFlows, seed + at, join(folder, name)));
  }
  const of = (name: string) => written.get(name) as FlowCluster;
  return {
    detector: defaultFlowDetector,
    start: flowDetectorStart(defaultFlowDetector),
    mapping,
    clusters: new Map([...mapping.flowsOf].map(([cluster, name]) => [cluster, of(name)])),
    leftOut: new Map(mapping.leftOut.map((name) => [name, of(name)])),
    rounds,
    training,
  };
}

async function writeCluster(flows: RecordedFlows, seed: number, folder: string): Promise<FlowCluster> {
  const { cluster, header, learnt, later, trainEndMs } = flows;
  const injected = injectedMovement({
    header,
    rows: [...learnt, ...later],
    startsMs: Array.from({ length: walks }, (_, walk) => trainEndMs + (1 + 2 * walk) * flowWindowMs),
    stretchMs: flowWindowMs,
    hopsMax: 3,
    seed,
  });
  const start = header.split(',').indexOf('start_s');
  const atOf = (row: string) => Number(row.split(',')[start]);
  const laterRows = [...later, ...injected].sort((a, b) => atOf(a) - atOf(b));
  const [learntFile, laterFile] = [join(folder, 'learnt.csv'), join(folder, 'later.csv')];
  await writeFlows(learntFile, header, learnt);
  await writeFlows(laterFile, header, laterRows);
  const windows = async (file: string) => unwrap(await readFlowWindows(file, { windowMs: flowWindowMs })).windows;
  return {
    recorded: cluster,
    learntFile,
    laterFile,
    learnt: await windows(learntFile),
    later: await windows(laterFile),
  };
}
