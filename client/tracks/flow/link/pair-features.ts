/**
 * What the neighbourhoods of two workloads say about an edge between them: the classic link-prediction indices (Liben-Nowell
 * and Kleinberg 2007; Adamic and Adar 2003) for a directed graph, and how much the peers of either end already do the
 * same (paths of length three; Kovács et al., Nature Communications 2019). A learned decoder weighs them; encoders alone
 * cannot count triangles (Chen et al., NeurIPS 2020).
 */
import { type Adjacency, overlap } from './link-graph.ts';
import { pairTables } from './pair-tables.ts';

export const pairFeatureNames = [
  'targets of the source',
  'callers of the target',
  'callers of the source',
  'targets of the target',
  'targets in common',
  'callers in common',
  'steps between them',
  'steps back',
  'edge the other way',
  'adamic-adar',
  'share of workloads that call the target',
  'share of workloads that the source calls',
  'peers of the source that call the target',
  'targets of the source that are like the target',
] as const;

export const pairWidth = pairFeatureNames.length;

/** Callers (or targets) looked at when peers are compared: bounds the work where a hub has thousands. */
const peersMax = 24;

/** Features of directed pairs on a graph, shape [pairs, pairWidth], row-major; counts as ln(1 + n). */
export function pairFeatures(
  adjacency: Adjacency,
  sources: ArrayLike<number>,
  targets: ArrayLike<number>,
): Float32Array {
  const values = new Float32Array(sources.length * pairWidth);
  const counts =
    (sources.length >= adjacency.nodeCount ? countsOfTables(adjacency) : undefined) ?? countsOfLists(adjacency);
  for (let pair = 0; pair < sources.length; pair++) {
    writeFeatures(adjacency, counts, sources[pair] as number, targets[pair] as number, values, pair * pairWidth);
  }
  return values;
}

/** What is counted of two nodes. */
type Counts = Readonly<{
  targets(a: number, b: number): number;
  callers(a: number, b: number): number;
  /** Ways of two steps from a to b. */
  steps(a: number, b: number): number;
  adamicAdar(a: number, b: number): number;
}>;

/** For few pairs: from the neighbour lists. */
function countsOfLists(graph: Adjacency): Counts {
  const { out, into } = graph;
  const shared = (from: readonly Uint32Array[], a: number, to: readonly Uint32Array[], b: number) =>
    overlap(from[a] as Uint32Array, to[b] as Uint32Array);
  return {
    targets: (a, b) => shared(out, a, out, b),
    callers: (a, b) => shared(into, a, into, b),
    steps: (a, b) => shared(out, a, into, b),
    adamicAdar: (a, b) => adamicAdar(graph, a, b),
  };
}

/** For many: each is one look into a table. */
function countsOfTables(graph: Adjacency): Counts | undefined {
  const tables = pairTables(graph);
  if (tables === undefined) return undefined;
  const n = graph.nodeCount;
  return {
    targets: (a, b) => tables.targets[a * n + b] as number,
    callers: (a, b) => tables.callers[a * n + b] as number,
    steps: (a, b) => tables.steps[a * n + b] as number,
    adamicAdar: (a, b) => tables.adamicAdar[a * n + b] as number,
  };
}

function writeFeatures(
  graph: Adjacency,
  counts: Counts,
  source: number,
  target: number,
  values: Float32Array,
  at: number,
): void {
  const [outS, outT] = [graph.out[source] as Uint32Array, graph.out[target] as Uint32Array];
  const [inS, inT] = [graph.into[source] as Uint32Array, graph.into[target] as Uint32Array];
  const others = Math.max(1, graph.nodeCount - 1);
  values[at] = Math.log1p(outS.length);
  values[at + 1] = Math.log1p(inT.length);
  values[at + 2] = Math.log1p(inS.length);
  values[at + 3] = Math.log1p(outT.length);
  values[at + 4] = Math.log1p(counts.targets(source, target));
  values[at + 5] = Math.log1p(counts.callers(source, target));
  values[at + 6] = Math.log1p(counts.steps(source, target));
  values[at + 7] = Math.log1p(counts.steps(target, source));
  values[at + 8] = graph.has(target, source) ? 1 : 0;
  values[at + 9] = counts.adamicAdar(source, target);
  values[at + 10] = inT.length / others;
  values[at + 11] = outS.length / others;
  values[at + 12] = likeness(graph.out, counts.targets, inT, source);
  values[at + 13] = likeness(graph.into, counts.callers, outS, target);
}

/** Adamic and Adar's index on the undirected graph: shared neighbours, those with few neighbours counting more. */
export function adamicAdar(graph: Adjacency, source: number, target: number): number {
  const [a, b] = [graph.around[source] as Uint32Array, graph.around[target] as Uint32Array];
  let sum = 0;
  for (let i = 0, j = 0; i < a.length && j < b.length; ) {
    const [x, y] = [a[i] as number, b[j] as number];
    if (x === y) sum += 1 / Math.log((graph.around[x] as Uint32Array).length + 1);
    if (x <= y) i++;
    if (y <= x) j++;
  }
  return sum;
}

/** Mean Jaccard likeness of a node's list to those of the peers; the node itself is no peer. */
function likeness(
  lists: readonly Uint32Array[],
  shared: (a: number, b: number) => number,
  peers: Uint32Array,
  node: number,
): number {
  const own = (lists[node] as Uint32Array).length;
  const stride = Math.max(1, peers.length / peersMax);
  let sum = 0;
  let count = 0;
  for (let place = 0; place < peers.length; place += stride) {
    const peer = peers[Math.floor(place)] as number;
    if (peer === node) continue;
    const both = shared(node, peer);
    sum += both / Math.max(1, own + (lists[peer] as Uint32Array).length - both);
    count++;
  }
  return count === 0 ? 0 : sum / count;
}
