import type { Edge, EdgeTable, Sightings } from './edge-table.ts';
import { counterAt, type EdgeTotals, flowsOf } from './edge-totals.ts';
import { edgeFeatures, fillStructure, ownFeatures } from './features.ts';
import { postureOf } from './posture-columns.ts';
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
  const rows = edges.map((edge) => {
    const sightings = table.sightingsOf(edge, from, to);
    return { edge, sightings, ...totalsOf(edge, rowOf, sightings.routes.length) };
  });
  rows.sort((a, b) => a.client - b.client || a.server - b.server || a.port - b.port || compare(a.protocol, b.protocol));
  const nodes = keyed.map(({ end }) => end);
  const signals = nodes.map((end) => signalsOf(end));
  const posture = postureOf(signals);
  const slice = {
    startMs: from * intervalMs,
    endMs: (to + 1) * intervalMs,
    nodeCount: nodes.length,
    edgeCount: rows.length,
    nodeFeatures: ownFeatures(nodes.map((end, node) => ({ end, signals: signals[node] }))),
    clients: Uint32Array.from(rows, ({ client }) => client),
    servers: Uint32Array.from(rows, ({ server }) => server),
    edgeFeatures: edgeFeatures(rows, to - from + 1),
    ...(posture !== undefined && { posture }),
  };
  fillStructure(slice);
  return { slice, names: { nodes, edges: rows.map(({ edge, sightings }) => nameOf(edge, sightings)) } };
}

function totalsOf(edge: Edge, rowOf: ReadonlyMap<number, number>, routeCount: number): EdgeTotals {
  const { protocol, port, totals, activeIntervals } = edge;
  const [client, server] = [rowOf.get(edge.client) as number, rowOf.get(edge.server) as number];
  return { client, server, protocol, port, counters: totals, activeIntervals, routeCount };
}

function nameOf({ protocol, port, totals }: Edge, sightings: Sightings): EdgeName {
  const verdicts: Pick<EdgeName, 'refused' | 'audited' | 'redirected'> = {};
  for (const name of ['refused', 'audited', 'redirected'] as const) {
    const count = totals[counterAt[name]] as number;
    if (count > 0) Object.assign(verdicts, { [name]: count });
  }
  return { protocol, port, count: flowsOf(totals), ...sightings, ...verdicts };
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
