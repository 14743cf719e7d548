import type { Edge, EdgeTable } from './edge-table.ts';
import { type EdgeTotals, flowsOf } from './edge-totals.ts';
import { edgeFeatures, fillStructure, ownFeatures } from './features.ts';
import type { EdgeName, NamedSlice, SignalsOf } from './slice.ts';

export type Window = Readonly<{
  /** Closed intervals, both included. */
  from: number;
  to: number;
  intervalMs: number;
}>;

/** The slice of a window. Rows are sorted by name, so that the same flows give the same slice in whatever order they came. */
export function sliceOf(table: EdgeTable, { from, to, intervalMs }: Window, signalsOf: SignalsOf): NamedSlice {
  const edges = [...table.inWindow()];
  const ids = [...new Set(edges.flatMap(({ client, server }) => [client, server]))];
  const keyed = ids.map((id) => ({ id, key: table.nodes.keyOf(id), end: table.nodes.endOf(id) }));
  keyed.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
  const rowOf = new Map(keyed.map(({ id }, row) => [id, row]));
  const rows = edges.map((edge) => ({ edge, ...totalsOf(edge, rowOf) }));
  rows.sort((a, b) => a.client - b.client || a.server - b.server || a.port - b.port || compare(a.protocol, b.protocol));
  const nodes = keyed.map(({ end }) => end);
  const slice = {
    startMs: from * intervalMs,
    endMs: (to + 1) * intervalMs,
    nodeCount: nodes.length,
    edgeCount: rows.length,
    nodeFeatures: ownFeatures(nodes.map((end) => ({ end, signals: signalsOf(end) }))),
    clients: Uint32Array.from(rows, ({ client }) => client),
    servers: Uint32Array.from(rows, ({ server }) => server),
    edgeFeatures: edgeFeatures(rows, to - from + 1),
  };
  fillStructure(slice);
  return { slice, names: { nodes, edges: rows.map(({ edge }) => nameOf(edge, table.timesOf(edge, from, to))) } };
}

function totalsOf(edge: Edge, rowOf: ReadonlyMap<number, number>): EdgeTotals {
  return {
    client: rowOf.get(edge.client) as number,
    server: rowOf.get(edge.server) as number,
    protocol: edge.protocol,
    port: edge.port,
    counters: edge.totals,
    activeIntervals: edge.activeIntervals,
    routeCount: edge.routes.size,
  };
}

function nameOf(edge: Edge, times: { firstMs: number; lastMs: number }): EdgeName {
  const { protocol, port, totals, routes, labels } = edge;
  return {
    protocol,
    port,
    count: flowsOf(totals),
    ...times,
    routes: [...routes.keys()].sort(),
    labels: [...labels.keys()].sort(),
  };
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
