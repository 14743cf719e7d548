/**
 * What the neighbourhoods of two workloads say about an edge between them: the classic link-prediction indices (Liben-Nowell
 * and Kleinberg 2007; Adamic and Adar 2003) for a directed graph, and how much the peers of either end already do the
 * same (paths of length three; Kovács et al., Nature Communications 2019). A learned decoder weighs them; encoders alone
 * cannot count triangles (Chen et al., NeurIPS 2020).
 */
import { type Adjacency, overlap } from './link-graph.ts';

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
  for (let pair = 0; pair < sources.length; pair++) {
    writeFeatures(adjacency, sources[pair] as number, targets[pair] as number, values, pair * pairWidth);
  }
  return values;
}

function writeFeatures(graph: Adjacency, source: number, target: number, values: Float32Array, at: number): void {
  const [outS, outT] = [graph.out[source] as Uint32Array, graph.out[target] as Uint32Array];
  const [inS, inT] = [graph.into[source] as Uint32Array, graph.into[target] as Uint32Array];
  const others = Math.max(1, graph.nodeCount - 1);
  const shared = overlap(outS, outT);
  const callers = overlap(inS, inT);
  values[at] = Math.log1p(outS.length);
  values[at + 1] = Math.log1p(inT.length);
  values[at + 2] = Math.log1p(inS.length);
  values[at + 3] = Math.log1p(outT.length);
  values[at + 4] = Math.log1p(shared);
  values[at + 5] = Math.log1p(callers);
  values[at + 6] = Math.log1p(overlap(outS, inT));
  values[at + 7] = Math.log1p(overlap(inS, outT));
  values[at + 8] = graph.has(target, source) ? 1 : 0;
  values[at + 9] = adamicAdar(graph, source, target);
  values[at + 10] = inT.length / others;
  values[at + 11] = outS.length / others;
  values[at + 12] = likeness(graph.out, outS, inT, source);
  values[at + 13] = likeness(graph.into, inT, outS, target);
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

/** Mean Jaccard likeness of `own` to the lists of the peers; the node itself is no peer. */
function likeness(lists: readonly Uint32Array[], own: Uint32Array, peers: Uint32Array, node: number): number {
  const stride = Math.max(1, peers.length / peersMax);
  let [sum, count] = [0, 0];
  for (let place = 0; place < peers.length; place += stride) {
    const peer = peers[Math.floor(place)] as number;
    if (peer === node) continue;
    const list = lists[peer] as Uint32Array;
    const both = overlap(own, list);
    sum += both / Math.max(1, own.length + list.length - both);
    count++;
  }
  return count === 0 ? 0 : sum / count;
}
