/**
 * What a link detector reads of a service graph: indices and features, never names or addresses, so that what it learns
 * can be said of a cluster that it never saw.
 */
export type LinkGraph = Readonly<{
  nodeCount: number;
  /** What is known of a node without looking at its edges, shape [n, traitWidth], row-major. */
  traits: Float32Array;
  traitWidth: number;
  /** The distinct directed pairs: from sources[e] to targets[e], shape [m] each. */
  sources: Uint32Array;
  targets: Uint32Array;
  /** Attributes of each edge (port and protocol classes, volumes), shape [m, edgeWidth], row-major. */
  edgeFeatures: Float32Array;
  edgeWidth: number;
  /** Column of `edgeFeatures` that holds what share of an edge was refused; absent where that is not read. */
  refusedAt?: number;
}>;

/** The chosen edges of a graph, in their order, over the same nodes. */
export function subgraph(graph: LinkGraph, kept: readonly number[] | Uint32Array): LinkGraph {
  const { edgeWidth } = graph;
  const edgeFeatures = new Float32Array(kept.length * edgeWidth);
  for (let place = 0; place < kept.length; place++) {
    const from = (kept[place] as number) * edgeWidth;
    edgeFeatures.set(graph.edgeFeatures.subarray(from, from + edgeWidth), place * edgeWidth);
  }
  return {
    ...graph,
    sources: Uint32Array.from(kept, (edge) => graph.sources[edge] as number),
    targets: Uint32Array.from(kept, (edge) => graph.targets[edge] as number),
    edgeFeatures,
  };
}

/** Sorted neighbour lists of a directed graph; loops are left out. O(n + m) memory. */
export class Adjacency {
  readonly nodeCount: number;
  readonly out: readonly Uint32Array[];
  readonly into: readonly Uint32Array[];
  /** Neighbours either way. */
  readonly around: readonly Uint32Array[];

  constructor({ nodeCount, sources, targets }: Pick<LinkGraph, 'nodeCount' | 'sources' | 'targets'>) {
    this.nodeCount = nodeCount;
    const out = Array.from({ length: nodeCount }, () => new Set<number>());
    const into = Array.from({ length: nodeCount }, () => new Set<number>());
    for (let edge = 0; edge < sources.length; edge++) {
      const [source, target] = [sources[edge] as number, targets[edge] as number];
      if (source >= nodeCount || target >= nodeCount) {
        throw new RangeError(`graph: edge ${edge} joins ${source} and ${target}, but there are ${nodeCount} nodes`);
      }
      if (source === target) continue;
      (out[source] as Set<number>).add(target);
      (into[target] as Set<number>).add(source);
    }
    const sorted = (nodes: Iterable<number>) => Uint32Array.from(nodes).sort();
    this.out = out.map(sorted);
    this.into = into.map(sorted);
    this.around = out.map((targets, node) => sorted(targets.union(into[node] as Set<number>)));
  }

  has(source: number, target: number): boolean {
    return holds(this.out[source] as Uint32Array, target);
  }
}

/** Whether a sorted list holds a value. */
function holds(sorted: Uint32Array, value: number): boolean {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sorted[middle] as number) < value) low = middle + 1;
    else high = middle;
  }
  return sorted[low] === value;
}

/** How many values two sorted lists share. */
export function overlap(a: Uint32Array, b: Uint32Array): number {
  if (a.length > 8 * b.length) return overlap(b, a);
  if (b.length > 8 * a.length) {
    let count = 0;
    for (const value of a) if (holds(b, value)) count++;
    return count;
  }
  let count = 0;
  for (let i = 0, j = 0; i < a.length && j < b.length; ) {
    const [x, y] = [a[i] as number, b[j] as number];
    if (x === y) count++;
    if (x <= y) i++;
    if (y <= x) j++;
  }
  return count;
}
