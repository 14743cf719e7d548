import { ok, type Result, refuse } from '../../base/fault.ts';
import type { Random } from '../../base/random.ts';
import { dirichlet, shuffled } from '../../base/random.ts';
import { parseClusterId } from '../../proto/ids.ts';

/** How traces become clusters: as recorded, by service, or by a Dirichlet draw per service (Hsu et al., 2019). */
export type Partition =
  | Readonly<{ kind: 'column' }>
  | Readonly<{ kind: 'service' }>
  | Readonly<{ kind: 'dirichlet'; alpha: number }>;

type Placed = Readonly<{ cluster: string | undefined; service: string }>;
/** Cluster id to its traces, in a stable order. */
export type Partitioned<Trace> = ReadonlyMap<string, readonly Trace[]>;
export type PartitionFaultCode = 'PARTITION_IMPOSSIBLE';

export function parsePartition(text: string): Partition {
  if (text === 'column' || text === 'service') return { kind: text };
  const alpha = Number(/^dirichlet:(.+)$/.exec(text)?.[1] ?? Number.NaN);
  if (alpha >= 0.01 && alpha <= 1000) return { kind: 'dirichlet', alpha };
  throw new RangeError(
    `partition: expected "column", "service" or "dirichlet:ALPHA" with ALPHA from 0.01 to 1000; got ${JSON.stringify(text)}`,
  );
}

/** What suits a file when nobody says: its own clusters, else one service each, else an artificial draw. */
export function defaultPartition(traces: readonly Placed[]): Partition {
  if (traces.length > 0 && traces.every((trace) => trace.cluster !== undefined)) return { kind: 'column' };
  const services = new Set(traces.map((trace) => trace.service));
  return services.size > 1 ? { kind: 'service' } : { kind: 'dirichlet', alpha: 0.5 };
}

/** Deals traces to `count` clusters; every cluster gets at least one, or the partition is refused. */
export function partitionTraces<Trace extends Placed>(
  traces: readonly Trace[],
  partition: Partition,
  count: number,
  random: Random,
): Result<Partitioned<Trace>, PartitionFaultCode> {
  const dealt =
    partition.kind === 'column'
      ? byColumn(traces, count)
      : partition.kind === 'service'
        ? byService(traces, count, random)
        : ok(named(byDirichlet(traces, count, partition.alpha, random)));
  if (!dealt.ok) return dealt;
  const empty = [...dealt.value].filter(([, own]) => own.length === 0).map(([name]) => name);
  if (empty.length > 0) {
    return impossible(
      `${empty.length} of ${count} clusters would have no trace to learn from; ask for fewer clusters, another seed or a larger alpha`,
    );
  }
  return dealt;
}

function byColumn<Trace extends Placed>(traces: readonly Trace[], count: number) {
  const clusters = new Map<string, Trace[]>();
  for (const trace of traces) {
    if (trace.cluster === undefined) {
      return impossible('the file has no cluster column; use --partition service or --partition dirichlet:0.5');
    }
    put(clusters, trace.cluster, trace);
  }
  if (clusters.size < count) {
    return impossible(`the file names ${clusters.size} clusters, ${count} were asked for; lower --clusters`);
  }
  const names = [...clusters.keys()].sort().slice(0, count);
  return ok(new Map(names.map((name) => [parseClusterId(name) as string, clusters.get(name) ?? []])));
}

/** Largest services first, each to the cluster that has least; with fewer services than clusters they are shared out. */
function byService<Trace extends Placed>(traces: readonly Trace[], count: number, random: Random) {
  const services = [...groupByService(traces).values()].sort((a, b) => b.length - a.length);
  const shares = services.length >= count ? services : splitLargest(services, count, random);
  const clusters = Array.from({ length: count }, (): Trace[] => []);
  for (const share of shares) {
    const smallest = clusters.reduce((least, cluster) => (cluster.length < least.length ? cluster : least));
    smallest.push(...share);
  }
  return ok(named(clusters));
}

/** Halves the largest share until there are `count`. */
function splitLargest<Trace>(services: readonly Trace[][], count: number, random: Random): Trace[][] {
  const shares = services.map((service) => shuffled(service, random));
  while (shares.length < count) {
    shares.sort((a, b) => b.length - a.length);
    const largest = shares.shift() ?? [];
    const middle = Math.ceil(largest.length / 2);
    shares.push(largest.slice(0, middle), largest.slice(middle));
  }
  return shares;
}

/** Small alphas leave clusters without a trace now and then: draws again, so often before it gives up. */
const drawsMax = 100;

function byDirichlet<Trace extends Placed>(traces: readonly Trace[], count: number, alpha: number, random: Random) {
  let clusters: Trace[][] = [];
  for (let draw = 0; draw < drawsMax; draw++) {
    clusters = drawDirichlet(traces, count, alpha, random);
    if (clusters.every((own) => own.length > 0)) break;
  }
  return clusters;
}

function drawDirichlet<Trace extends Placed>(
  traces: readonly Trace[],
  count: number,
  alpha: number,
  random: Random,
): Trace[][] {
  const clusters = Array.from({ length: count }, (): Trace[] => []);
  for (const service of groupByService(traces).values()) {
    const edges = cumulative(dirichlet(count, alpha, random));
    for (const [index, trace] of shuffled(service, random).entries()) {
      const place = (index + 0.5) / service.length;
      const cluster = edges.findIndex((edge) => place < edge);
      clusters[cluster === -1 ? count - 1 : cluster]?.push(trace);
    }
  }
  return clusters;
}

function cumulative(shares: readonly number[]): number[] {
  let sum = 0;
  return shares.map((share) => {
    sum += share;
    return sum;
  });
}

function groupByService<Trace extends Placed>(traces: readonly Trace[]): Map<string, Trace[]> {
  const services = new Map<string, Trace[]>();
  for (const trace of traces) put(services, trace.service, trace);
  return services;
}

function put<Item>(groups: Map<string, Item[]>, key: string, item: Item): void {
  const group = groups.get(key);
  if (group === undefined) groups.set(key, [item]);
  else group.push(item);
}

function named<Trace>(clusters: readonly Trace[][]): Map<string, Trace[]> {
  return new Map(clusters.map((own, index) => [`c${String(index + 1).padStart(2, '0')}`, own]));
}

function impossible(why: string) {
  return refuse('PARTITION_IMPOSSIBLE', `partition: ${why}`);
}
