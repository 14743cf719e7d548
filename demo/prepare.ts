import { resolve } from 'node:path';
import { type AggregationPolicy, asksOf } from '../aggregation/policy.ts';
import { ok, type Result } from '../base/fault.ts';
import { seededRandom, shuffled } from '../base/random.ts';
import { isBenign, type Trace } from '../client/events/trace.ts';
import type { Detector } from '../client/tracks/detector.ts';
import type { SyscallDetectorName } from '../client/tracks/syscall/detector-names.ts';
import { syscallDetector } from '../client/tracks/syscall/detectors.ts';
import { WorkloadClasses } from '../client/tracks/syscall/traces/workload-classes.ts';
import { loadDataset } from '../lab/data/dataset.ts';
import { defaultPartition, type Partition, type Partitioned, partitionTraces } from '../lab/data/partition.ts';
import { mayBeInSample, recordedSample } from '../lab/data/recorded-sample.ts';
import { recordedPath } from '../lab/data/recorded-traces.ts';
import { classBlocksOf } from '../proto/class-blocks.ts';
import { isClassName } from '../proto/ids.ts';
import type { DemoOptions } from './options.ts';
import { policyOf } from './rule.ts';

export type Training = Readonly<{ steps: number; batchSize: number; learningRate: number }>;

/** Everything that is decided before the first process starts: the same for the same options, in any process. */
export type Prepared = Readonly<{
  options: DemoOptions;
  partition: Partition;
  clusters: Partitioned<Trace>;
  /** In the order of their attack schedules. */
  hostile: readonly string[];
  detector: Detector;
  /** Which it is: where labels cannot have the services' names it is not the one that was asked for. */
  detectorName: SyscallDetectorName;
  policy: AggregationPolicy;
  /** The flow track's: it knows no classes and has no sample. */
  flowPolicy: AggregationPolicy;
  /** The trusted sample of the system calls' track; undefined where its rule takes none, or the data are not the recorded set. */
  sample: Uint8Array | undefined;
  f: number;
  training: Training;
  /** Unseen traces of workloads that honest clusters run: what every model is judged by. */
  unseen: readonly Trace[];
  /** Unseen traces of the file's other clusters. */
  newcomers: ReadonlyMap<string, readonly Trace[]>;
  leftOut: readonly string[];
}>;

/** What each cluster does in a round; detectors that count instead of descending need no steps. */
const training: Training = { steps: 60, batchSize: 64, learningRate: 0.01 };

export async function prepare(options: DemoOptions): Promise<Result<Prepared>> {
  const random = seededRandom(options.seed);
  const data = await loadDataset(options.data, options.abi, random);
  if (!data.ok) return data;
  const partition = options.partition ?? defaultPartition(data.value.training);
  const clusters = partitionTraces(data.value.training, partition, options.clusters, random);
  if (!clusters.ok) return clusters;
  const f = options.hostile;
  const services = [...new Set(data.value.training.map(({ service }) => service))].sort();
  const named = detectorFor(options.detector, services);
  const classes = named === 'class-table';
  const policy = policyOf(options.rule, options.clusters, f, { classes });
  if (!policy.ok) return policy;
  const flowPolicy = policyOf(options.rule, options.clusters, f);
  if (!flowPolicy.ok) return flowPolicy;
  const asks = asksOf(policy.value.rule).sample !== 'no' && resolve(options.data) === recordedPath;
  const sample = asks ? await recordedSample(services) : undefined;
  const judging = sample === undefined ? data.value.unseen : data.value.unseen.filter((trace) => !isInSample(trace));
  const hostile = shuffled([...clusters.value.keys()], random).slice(0, options.hostile);
  const { unseen, newcomers } = judged(judging, clusters.value, hostile, new Set(services));
  return ok({
    options,
    partition,
    clusters: clusters.value,
    hostile,
    detector: syscallDetector(named, new WorkloadClasses(services)),
    detectorName: named,
    policy: policy.value,
    flowPolicy: flowPolicy.value,
    sample,
    f,
    training,
    unseen,
    newcomers,
    leftOut: [
      ...data.value.leftOut,
      ...(judging.length < data.value.unseen.length
        ? [`${data.value.unseen.length - judging.length} attack traces that may be in the trusted sample`]
        : []),
      ...(named === options.detector ? [] : ['blocks by class: names in this file are none that labels can have']),
    ],
  });
}

/** A table by class where every service can be a class of one; the flat table elsewhere. */
function detectorFor(wanted: SyscallDetectorName, services: readonly string[]): SyscallDetectorName {
  if (wanted !== 'class-table') return wanted;
  return services.length <= labelsOfCluster && services.every(isClassName) ? wanted : 'gram-table';
}

/** A token carries at most so many labels, and a canary's has one of its own. */
const labelsOfCluster = 31;

/** The classes that clusters run, as labels for their tokens; none where the model has no blocks by class. */
export function classLabels({
  clusters,
  detector,
}: Pick<Prepared, 'clusters' | 'detector'>): ReadonlyMap<string, string[]> {
  const known = new Set<string>(classBlocksOf(detector.spec)?.blocks.map(({ className }) => className));
  const own = (traces: readonly Trace[]) => [...new Set(traces.map(({ service }) => service))].sort();
  return new Map([...clusters].map(([name, traces]) => [name, own(traces).filter((service) => known.has(service))]));
}

/** Of unseen traces: normal ones are never in a sample, which is made of those that are learnt. */
function isInSample(trace: Trace): boolean {
  return !isBenign(trace) && mayBeInSample(trace);
}

/** Traces go with their cluster where the file names it and the clusters are the file's, otherwise with their service. */
function judged(
  traces: readonly Trace[],
  clusters: Partitioned<Trace>,
  hostile: readonly string[],
  services: ReadonlySet<string>,
): Pick<Prepared, 'unseen' | 'newcomers'> {
  const honest = [...clusters.keys()].filter((name) => !hostile.includes(name));
  const own = new Set(honest.flatMap((name) => (clusters.get(name) ?? []).map(({ service }) => service)));
  const recorded = traces.every(({ cluster }) => cluster !== undefined && cluster !== '');
  const byCluster = recorded && [...clusters].every(([name, all]) => all.every(({ cluster }) => cluster === name));
  const unseen = traces.filter(({ cluster, service }) =>
    byCluster ? honest.includes(cluster as string) : own.has(service) || !services.has(service),
  );
  const newcomers = new Map<string, Trace[]>();
  for (const trace of byCluster ? traces : []) {
    const { cluster } = trace;
    if (cluster === undefined || clusters.has(cluster)) continue;
    newcomers.set(cluster, [...(newcomers.get(cluster) ?? []), trace]);
  }
  return { unseen, newcomers };
}
