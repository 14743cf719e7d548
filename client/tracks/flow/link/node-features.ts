/**
 * What a workload looks like from its edges alone: how many there are each way, and what they carry. Computed from the very
 * graph that messages travel on, so that an edge left out of it leaves no trace in its ends.
 */
import type { Adjacency, LinkGraph } from './link-graph.ts';
import { overlap } from './link-graph.ts';

const structureWidth = 8;

/** Columns of a node's features. */
export function nodeWidth({ traitWidth, edgeWidth }: Pick<LinkGraph, 'traitWidth' | 'edgeWidth'>): number {
  return structureWidth + traitWidth + 2 * edgeWidth;
}

/** Features of every node, shape [n, nodeWidth], row-major: structure, traits, mean of the edges in and out. */
export function nodeFeatures(graph: LinkGraph, adjacency: Adjacency): Float32Array {
  const { traits, traitWidth } = graph;
  const width = nodeWidth(graph);
  const values = new Float32Array(graph.nodeCount * width);
  const others = Math.max(1, graph.nodeCount - 1);
  for (let node = 0; node < graph.nodeCount; node++) {
    const [out, into] = [adjacency.out[node] as Uint32Array, adjacency.into[node] as Uint32Array];
    values.set(
      [
        Math.log1p(out.length),
        Math.log1p(into.length),
        out.length / others,
        into.length / others,
        out.length > 0 && into.length === 0 ? 1 : 0, // Where traffic begins.
        into.length > 0 && out.length === 0 ? 1 : 0, // Where it ends: databases, caches.
        out.length + into.length === 0 ? 1 : 0,
        overlap(out, into) / Math.max(1, out.length),
      ],
      node * width,
    );
    values.set(traits.subarray(node * traitWidth, (node + 1) * traitWidth), node * width + structureWidth);
  }
  const incoming = structureWidth + traitWidth;
  addMeans(graph, graph.targets, adjacency.into, values, width, incoming);
  addMeans(graph, graph.sources, adjacency.out, values, width, incoming + graph.edgeWidth);
  return values;
}

function addMeans(
  { edgeFeatures, edgeWidth }: LinkGraph,
  ends: Uint32Array,
  lists: readonly Uint32Array[],
  values: Float32Array,
  width: number,
  column: number,
): void {
  for (let edge = 0; edge < ends.length; edge++) {
    const node = ends[edge] as number;
    const share = 1 / Math.max(1, (lists[node] as Uint32Array).length);
    const at = node * width + column;
    for (let j = 0; j < edgeWidth; j++) {
      values[at + j] = (values[at + j] as number) + share * (edgeFeatures[edge * edgeWidth + j] as number);
    }
  }
}
