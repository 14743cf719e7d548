import { Adjacency, type LinkGraph } from './link/link-graph.ts';
import type { EncodedGraph, LinkReader, PairLogits } from './link/link-reader.ts';
import type { NamedPairs, ReferenceGraph } from './local/reference-graph.ts';

/** Parts that edges of unknown workloads are dealt into; each is judged by the others. */
const folds = 5;

/**
 * The shared model's log-odds of a window's pairs by what is known without them. Pairs of workloads that
 * the reference knows are judged by the reference alone: edges of one intrusion must not vouch for each other. A workload
 * that it does not know has no other edges than the window's own, so those are judged by each other, in turns.
 *
 * `known`: the reference as it stands, encoded once; with `without` (calibration) it is encoded anew.
 */
export function sharedLogits(
  reader: LinkReader,
  reference: ReferenceGraph,
  window: NamedPairs,
  without?: (source: string, target: string) => boolean,
  known?: EncodedReference,
): PairLogits {
  const { sources, targets } = window.graph;
  const isKnown = known !== undefined && window.keys.every((key) => known.indexOf.has(key));
  // Nodes of the reference keep their numbers when unknown ones come behind them: the encoding stays valid.
  const { graph, indexOf } = isKnown ? { graph: known.encoded.graph, ...known } : reference.graph(window, without);
  const numbers = window.keys.map((key) => indexOf.get(key) as number);
  const [from, to] = [sources, targets].map((nodes) => nodes.map((node) => numbers[node] as number)) as [
    Uint32Array,
    Uint32Array,
  ];
  const degree = isKnown ? known.degree : degreesOf(graph);
  const isYoung = (pair: number) => degree[from[pair] as number] === 0 || degree[to[pair] as number] === 0;
  const link = new Float32Array(sources.length);
  const refusal = reader.columns.refusedAt === undefined ? undefined : new Float32Array(sources.length);
  const pairs = Uint32Array.from(sources.keys());
  const judge = (chosen: Uint32Array, read: EncodedGraph) => {
    const found = read.judge({
      sources: chosen.map((pair) => from[pair] as number),
      targets: chosen.map((pair) => to[pair] as number),
    });
    for (let place = 0; place < chosen.length; place++) {
      const pair = chosen[place] as number;
      link[pair] = found.link[place] as number;
      if (refusal !== undefined) refusal[pair] = found.refusal?.[place] as number;
    }
  };
  const settled = pairs.filter((pair) => !isYoung(pair));
  if (settled.length > 0) {
    const read = known?.encoded ?? reader.read(graph);
    judge(settled, read);
    if (read !== known?.encoded) read.close();
  }
  const young = pairs.filter(isYoung);
  for (let part = 0; part < Math.min(folds, young.length); part++) {
    const held = young.filter((_, place) => place % folds === part);
    const others = young.filter((_, place) => place % folds !== part);
    const read = reader.read(withPairs(graph, window.graph, others, from, to));
    judge(held, read);
    read.close();
  }
  return { link, refusal };
}

function withPairs(
  base: LinkGraph,
  window: LinkGraph,
  pairs: Uint32Array,
  from: Uint32Array,
  to: Uint32Array,
): LinkGraph {
  const width = base.edgeWidth;
  const edgeFeatures = new Float32Array((base.sources.length + pairs.length) * width);
  edgeFeatures.set(base.edgeFeatures);
  for (const [place, pair] of pairs.entries()) {
    edgeFeatures.set(
      window.edgeFeatures.subarray(pair * width, (pair + 1) * width),
      (base.sources.length + place) * width,
    );
  }
  return {
    ...base,
    sources: Uint32Array.from([...base.sources, ...pairs.map((pair) => from[pair] as number)]),
    targets: Uint32Array.from([...base.targets, ...pairs.map((pair) => to[pair] as number)]),
    edgeFeatures,
  };
}

/** The reference, encoded once for the windows to come. Whoever makes it closes `encoded`. */
export type EncodedReference = Readonly<{
  encoded: EncodedGraph;
  indexOf: ReadonlyMap<string, number>;
  /** Edges of each node. */
  degree: Uint32Array;
}>;

/** Undefined where the reference has no edge yet. */
export function encodeReference(reader: LinkReader, reference: ReferenceGraph): EncodedReference | undefined {
  const { graph, indexOf } = reference.graph();
  if (graph.sources.length === 0) return undefined;
  return { encoded: reader.read(graph, new Adjacency(graph)), indexOf, degree: degreesOf(graph) };
}

function degreesOf({ nodeCount, sources, targets }: LinkGraph): Uint32Array {
  const degree = new Uint32Array(nodeCount);
  for (const nodes of [sources, targets]) for (const node of nodes) degree[node] = (degree[node] as number) + 1;
  return degree;
}
