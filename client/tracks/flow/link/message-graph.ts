import type { Tensor1D, Tensor2D } from '@tensorflow/tfjs-node';
import { tf } from '#tensorflow';
import type { Adjacency, LinkGraph } from './link-graph.ts';
import { nodeFeatures, nodeWidth } from './node-features.ts';
import { pairFeatures, pairWidth } from './pair-features.ts';

/** A graph with its own neighbour lists. */
export type Listed = Readonly<{ graph: LinkGraph; adjacency: Adjacency }>;

/** Directed pairs of nodes of one graph. */
export type PairList = Readonly<{ sources: ArrayLike<number>; targets: ArrayLike<number> }>;

/** A graph as tensors: what encoders pass messages on. Whoever makes one runs inside a tidy, or disposes its tensors. */
export type MessageGraph = Readonly<{
  nodeCount: number;
  /** [n, nodeWidth]. */
  features: Tensor2D;
  /** Node indices of each edge, int32, [m]. */
  sources: Tensor1D;
  targets: Tensor1D;
  /** 1 / sqrt((1 + out(source)) (1 + in(target))) of each edge, [m, 1]: Kipf and Welling's symmetric normalisation. */
  coefficients: Tensor2D;
}>;

/** Pairs as tensors: int32 indices [k], structural features [k, pairWidth]. */
export type Pairs = Readonly<{ sources: Tensor1D; targets: Tensor1D; features: Tensor2D }>;

/** The tensors of one or more graphs side by side: nodes are numbered on, so no message passes from graph to graph. */
export function messageGraph(parts: readonly Listed[]): MessageGraph {
  const { offsets, nodeCount } = numbered(parts);
  const width = nodeWidth((parts[0] as Listed).graph);
  const ends = (pick: (graph: LinkGraph) => Uint32Array) =>
    tf.tensor1d(
      shifted(
        parts.map(({ graph }) => pick(graph)),
        offsets,
      ),
      'int32',
    );
  const coefficients = parts.flatMap(({ graph, adjacency }) =>
    Array.from(graph.sources, (source, edge) => {
      const out = (adjacency.out[source] as Uint32Array).length;
      const into = (adjacency.into[graph.targets[edge] as number] as Uint32Array).length;
      return 1 / Math.sqrt((1 + out) * (1 + into));
    }),
  );
  return {
    nodeCount,
    features: tf.tensor2d(flat(parts.map(({ graph, adjacency }) => nodeFeatures(graph, adjacency))), [
      nodeCount,
      width,
    ]),
    sources: ends(({ sources }) => sources),
    targets: ends(({ targets }) => targets),
    coefficients: tf.tensor2d(coefficients, [coefficients.length, 1]),
  };
}

/** Pairs of each graph, in the numbering of `messageGraph` of the same parts. */
export function pairTensors(parts: readonly Listed[], lists: readonly PairList[]): Pairs {
  const { offsets } = numbered(parts);
  const values = flat(
    parts.map(({ adjacency }, at) => {
      const { sources, targets } = lists[at] as PairList;
      return pairFeatures(adjacency, sources, targets);
    }),
  );
  const ends = (pick: (list: PairList) => ArrayLike<number>) => tf.tensor1d(shifted(lists.map(pick), offsets), 'int32');
  return {
    sources: ends(({ sources }) => sources),
    targets: ends(({ targets }) => targets),
    features: tf.tensor2d(values, [values.length / pairWidth, pairWidth]),
  };
}

function numbered(parts: readonly Listed[]): { offsets: number[]; nodeCount: number } {
  let nodeCount = 0;
  const offsets = parts.map(({ graph }) => {
    nodeCount += graph.nodeCount;
    return nodeCount - graph.nodeCount;
  });
  return { offsets, nodeCount };
}

function shifted(lists: readonly ArrayLike<number>[], offsets: readonly number[]): Int32Array {
  const values = new Int32Array(lists.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const [part, list] of lists.entries()) {
    for (let place = 0; place < list.length; place++)
      values[at++] = (list[place] as number) + (offsets[part] as number);
  }
  return values;
}

function flat(parts: readonly Float32Array[]): Float32Array {
  const values = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    values.set(part, at);
    at += part.length;
  }
  return values;
}
