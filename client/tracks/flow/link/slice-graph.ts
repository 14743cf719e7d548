import { endKinds } from '../../../events/flow-record.ts';
import { edgeFeatureNames, nodeFeatureNames } from '../graph/feature-names.ts';
import { postureNames } from '../graph/posture-columns.ts';
import type { Slice } from '../graph/slice.ts';
import type { LinkGraph } from './link-graph.ts';

/**
 * The columns of a slice that say what kind of edge it is. Amounts are left out: what is usual differs from cluster to
 * cluster, and the flow-feature autoencoder looks at them with a local scale.
 */
const kindColumns = columnsOf(edgeFeatureNames, (name) => /^(protocol|port|api):/.test(name));
const refusedColumns = columnsOf(edgeFeatureNames, (name) => name === 'refused-share');
/** What is known of a node apart from its edges: columns made of edges would tell the ends of a hidden edge. */
const traitColumns = columnsOf(nodeFeatureNames, (name) => endKinds.some((kind) => name === `kind:${kind}`));

/** What a link model reads of an edge and of a node. */
export type LinkColumns = Readonly<{
  /** Columns of `edgeFeatureNames`. */
  edgeColumns: readonly number[];
  edgeWidth: number;
  traitWidth: number;
  /** Whether a node's posture is among its traits, behind its kind. */
  readsPosture: boolean;
  /** Place among the edge's columns of the share of it that was refused; undefined where it is not read. */
  refusedAt: number | undefined;
}>;

/**
 * By version of the architectures: beside what the first reads, the second reads what share of an edge was refused, the third
 * what the pods of a node give an intruder.
 */
export const linkColumns: Readonly<Record<1 | 2 | 3, LinkColumns>> = {
  1: columnsReading(kindColumns),
  2: columnsReading([...kindColumns, ...refusedColumns], { refusedAt: kindColumns.length }),
  3: columnsReading(kindColumns, { readsPosture: true }),
};

function columnsReading(
  edgeColumns: readonly number[],
  { refusedAt, readsPosture = false }: Readonly<{ refusedAt?: number; readsPosture?: boolean }> = {},
): LinkColumns {
  const traitWidth = traitColumns.length + (readsPosture ? postureNames.length : 0);
  return { edgeColumns, edgeWidth: edgeColumns.length, traitWidth, readsPosture, refusedAt };
}

function columnsOf(names: readonly string[], wanted: (name: string) => boolean): number[] {
  return [...names.keys()].filter((column) => wanted(names[column] as string));
}

/**
 * A slice's distinct pairs: edges of one pair (several served ports) become one, with the largest of each attribute, and
 * loops are left out. `pairOfEdge`: the pair of each edge of the slice, −1 for a loop.
 */
export function linkGraphOf(
  slice: Slice,
  { edgeColumns, edgeWidth, traitWidth, readsPosture, refusedAt }: LinkColumns = linkColumns[1],
): { graph: LinkGraph; pairOfEdge: Int32Array } {
  const [edgeColumnCount, nodeColumnCount] = [edgeFeatureNames.length, nodeFeatureNames.length];
  const pairs = new Map<number, number>();
  const pairOfEdge = Int32Array.from({ length: slice.edgeCount }, (_, edge) => {
    const [client, server] = [slice.clients[edge] as number, slice.servers[edge] as number];
    if (client === server) return -1;
    const key = client * slice.nodeCount + server;
    const pair = pairs.get(key) ?? pairs.size;
    pairs.set(key, pair);
    return pair;
  });
  const edgeFeatures = new Float32Array(pairs.size * edgeWidth);
  for (let edge = 0; edge < slice.edgeCount; edge++) {
    const pair = pairOfEdge[edge] as number;
    if (pair === -1) continue;
    for (let column = 0; column < edgeWidth; column++) {
      const value = slice.edgeFeatures[edge * edgeColumnCount + (edgeColumns[column] as number)] as number;
      const at = pair * edgeWidth + column;
      edgeFeatures[at] = Math.max(edgeFeatures[at] as number, value);
    }
  }
  const traits = new Float32Array(slice.nodeCount * traitWidth);
  const P = postureNames.length;
  for (let node = 0; node < slice.nodeCount; node++) {
    for (const [at, column] of traitColumns.entries()) {
      traits[node * traitWidth + at] = slice.nodeFeatures[node * nodeColumnCount + column] as number;
    }
    const posture = readsPosture ? slice.posture?.subarray(node * P, (node + 1) * P) : undefined;
    if (posture !== undefined) traits.set(posture, node * traitWidth + traitColumns.length);
  }
  const keys = [...pairs.keys()];
  const graph: LinkGraph = {
    nodeCount: slice.nodeCount,
    traits,
    traitWidth,
    sources: Uint32Array.from(keys, (key) => Math.floor(key / slice.nodeCount)),
    targets: Uint32Array.from(keys, (key) => key % slice.nodeCount),
    edgeFeatures,
    edgeWidth,
    ...(refusedAt !== undefined && { refusedAt }),
  };
  return { graph, pairOfEdge };
}
