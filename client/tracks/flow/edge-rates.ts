import { endKey, type FlowEnd } from '../../events/flow-record.ts';
import { peerKey, type RateQuery, workloadKey } from '../../events/rate-fact.ts';
import type { RateView } from '../track-kind.ts';
import { edgeFeatureNames } from './graph/feature-names.ts';
import type { NamedSlice } from './graph/slice.ts';

/** What still counts as now in a window: the interval by which windows move. */
const latestMs = 60_000;
const bytesOutColumn = edgeFeatureNames.indexOf('volume:log-bytes-out');

/**
 * The rates that are about an edge: how many new peers its client has where it is one of them, what its client sends where this
 * edge carries most of it, and how often its client asks its server in the same way. Flows are counted as they come, so it adds
 * nothing; an edge that was not used in the latest interval has no part in what is unusual now.
 */
export function edgeRates(window: NamedSlice, place: number): RateView {
  const { slice, names } = window;
  const { lastMs, port } = names.edges[place] as NamedSlice['names']['edges'][number];
  const [client, server] = [slice.clients, slice.servers].map((rows) => names.nodes[rows[place] as number]) as [
    FlowEnd,
    FlowEnd,
  ];
  if (lastMs < slice.endMs - latestMs) return { atMs: lastMs, adds: [], of: [] };
  const of: RateQuery[] = [];
  if (client.kind === 'workload') {
    const workload = workloadKey(client);
    const key = peerKey(server, port);
    of.push({ workload, measures: ['new peers', 'new templates'], key });
    if (carriesMost(window, place)) of.push({ workload, measures: ['bytes out'] });
  }
  if (server.kind === 'workload') {
    of.push({ workload: workloadKey(server), measures: ['sessions alike', 'refusals'], peer: endKey(client) });
  }
  return { atMs: lastMs, adds: [], of };
}

/** Whether half and more of what its client sent in the window went this way. */
function carriesMost(window: NamedSlice, place: number): boolean {
  const { edges, clients } = sentIn(window);
  const all = clients[window.slice.clients[place] as number] as number;
  return all > 0 && 2 * (edges[place] as number) >= all;
}

type Sent = Readonly<{ edges: Float64Array; clients: Float64Array }>;

/** A window's places are asked for one after the other. */
const known = new WeakMap<NamedSlice, Sent>();

/** Bytes of each edge, shape [edges], and of all that each node sent, shape [nodes]. */
function sentIn(window: NamedSlice): Sent {
  const before = known.get(window);
  if (before !== undefined) return before;
  const { slice, names } = window;
  const edges = Float64Array.from({ length: slice.edgeCount }, (_, edge) => {
    const perFlow = slice.edgeFeatures[edge * edgeFeatureNames.length + bytesOutColumn] as number;
    return Math.expm1(10 * perFlow) * (names.edges[edge]?.count ?? 0);
  });
  const clients = new Float64Array(slice.nodeCount);
  for (const [edge, sent] of edges.entries()) {
    const client = slice.clients[edge] as number;
    clients[client] = (clients[client] as number) + sent;
  }
  const sent = { edges, clients };
  known.set(window, sent);
  return sent;
}
