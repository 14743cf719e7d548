import { Adjacency, type LinkGraph, subgraph } from '../../client/tracks/flow/link/link-graph.ts';
import { LinkReader } from '../../client/tracks/flow/link/link-reader.ts';
import { areaUnderRoc } from '../../client/tracks/metrics.ts';
import type { ModelSpec } from '../../proto/model-spec.ts';

/** Scores of directed pairs on what is visible of a graph; higher: more likely an edge. */
export type PairScores = (
  visible: LinkGraph,
  pairs: Readonly<{ sources: readonly number[]; targets: readonly number[] }>,
) => ArrayLike<number>;

export type LinkQuality = Readonly<{ auc: number; edges: number; nonEdges: number }>;

/** Each edge of each graph is hidden in turn and should score above every pair of workloads that is no edge. */
export function linkQuality(graphs: readonly LinkGraph[], score: PairScores): LinkQuality {
  const [edges, nonEdges] = [[] as number[], [] as number[]];
  for (const graph of graphs) {
    const known = new Adjacency(graph);
    const absent = [...Array(graph.nodeCount ** 2).keys()]
      .map((pair) => [Math.floor(pair / graph.nodeCount), pair % graph.nodeCount] as const)
      .filter(([source, target]) => source !== target && !known.has(source, target));
    for (let hidden = 0; hidden < graph.sources.length; hidden++) {
      const visible = subgraph(
        graph,
        [...graph.sources.keys()].filter((edge) => edge !== hidden),
      );
      const pairs = [[graph.sources[hidden] as number, graph.targets[hidden] as number] as const, ...absent];
      const [first, ...rest] = Array.from(
        score(visible, { sources: pairs.map(([source]) => source), targets: pairs.map(([, target]) => target) }),
      );
      edges.push(first as number);
      nonEdges.push(...rest);
    }
  }
  return { auc: areaUnderRoc(nonEdges, edges), edges: edges.length, nonEdges: nonEdges.length };
}

/** The same by a link model's log-odds. */
export function modelLinkQuality(graphs: readonly LinkGraph[], spec: ModelSpec, weights: Float32Array): LinkQuality {
  const reader = new LinkReader(spec, weights);
  try {
    return linkQuality(graphs, (visible, pairs) => reader.logits(visible, pairs));
  } finally {
    reader.close();
  }
}

/** Whether the pair was seen; and how many workloads both ends talk to. */
export const linkBaselines = {
  seenPair: by((known, source, target) => (known.has(source, target) ? 1 : 0)),
  commonNeighbours: by((known, source, target) => {
    const around = new Set(known.around[source]);
    return (known.around[target] as Uint32Array).filter((node) => around.has(node)).length;
  }),
} as const;

function by(score: (known: Adjacency, source: number, target: number) => number): PairScores {
  return (visible, { sources, targets }) => {
    const known = new Adjacency(visible);
    return sources.map((source, at) => score(known, source, targets[at] as number));
  };
}
