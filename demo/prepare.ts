import type { AggregationPolicy } from '../aggregation/policy.ts';
import { ok, type Result } from '../base/fault.ts';
import { seededRandom, shuffled } from '../base/random.ts';
import type { Trace } from '../client/events/trace.ts';
import type { Detector } from '../client/tracks/detector.ts';
import { syscallDetector } from '../client/tracks/syscall/detectors.ts';
import { WorkloadClasses } from '../client/tracks/syscall/traces/workload-classes.ts';
import { loadDataset } from '../lab/data/dataset.ts';
import { defaultPartition, type Partition, type Partitioned, partitionTraces } from '../lab/data/partition.ts';
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
  policy: AggregationPolicy;
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
  const policy = policyOf(options.rule, options.clusters, f);
  if (!policy.ok) return policy;
  const hostile = shuffled([...clusters.value.keys()], random).slice(0, options.hostile);
  const services = new Set(data.value.training.map(({ service }) => service));
  const { unseen, newcomers } = judged(data.value.unseen, clusters.value, hostile, services);
  return ok({
    options,
    partition,
    clusters: clusters.value,
    hostile,
    detector: syscallDetector(options.detector, new WorkloadClasses([...services].sort())),
    policy: policy.value,
    f,
    training,
    unseen,
    newcomers,
    leftOut: data.value.leftOut,
  });
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
