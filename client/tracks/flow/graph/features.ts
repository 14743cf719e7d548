import { apiClasses, endKinds, type FlowEnd, flowProtocols, statusClasses } from '../../../events/flow-record.ts';
import { portClasses, portClassOf } from '../../../events/port-class.ts';
import { callsOf, counterAt, type EdgeTotals, flowsOf, sightingsOf } from './edge-totals.ts';
import { edgeFeatureNames, nodeFeatureNames } from './feature-names.ts';
import type { Slice, WorkloadSignals } from './slice.ts';

const E = edgeFeatureNames.length;
const F = nodeFeatureNames.length;
const edgeAt = (name: string) => columnOf(edgeFeatureNames, name);
const nodeAt = (name: string) => columnOf(nodeFeatureNames, name);
const edge = {
  protocol: edgeAt(`protocol:${flowProtocols[0]}`),
  port: edgeAt(`port:${portClasses[0]}`),
  flows: edgeAt('log-flows'),
  calls: edgeAt('log-calls'),
  active: edgeAt('active-share'),
  refused: edgeAt('refused-share'),
  answered: edgeAt('answered'),
  api: edgeAt(`api:${apiClasses[0]}`),
  status: edgeAt(`status:${statusClasses[1]}`),
  routes: edgeAt('log-routes'),
  volume: edgeAt('volume:given'),
};
const signalsAt = nodeAt('cpu:given');
const answerCounters = ['repliedAtClient', 'repliedAtServer', 'repliedSomewhere', 'responses', 'exchanges'] as const;
const amountCounters = ['bytesOut', 'bytesIn', 'packetsOut', 'packetsIn'] as const;

/** Edge features, shape [m, E], of edges over a window of so many intervals. */
export function edgeFeatures(edges: readonly EdgeTotals[], intervals: number): Float32Array {
  const features = new Float32Array(edges.length * E);
  for (const [row, totals] of edges.entries()) fillEdge(features.subarray(row * E, (row + 1) * E), totals, intervals);
  return features;
}

function fillEdge(to: Float32Array, { protocol, port, counters, ...rest }: EdgeTotals, intervals: number): void {
  const at = (column: number) => counters[column] as number;
  const calls = callsOf(counters);
  to[edge.protocol + flowProtocols.indexOf(protocol)] = 1;
  to[edge.port + portClassOf(port)] = 1;
  to[edge.flows] = logOf(flowsOf(counters));
  to[edge.calls] = logOf(calls);
  to[edge.active] = rest.activeIntervals / intervals;
  to[edge.refused] = share(at(counterAt.refused), sightingsOf(counters));
  to[edge.answered] = answerCounters.some((name) => at(counterAt[name]) > 0) ? 1 : 0;
  // Question and answer both say the class; only answers have a status.
  shares(to, edge.api, counters, counterAt[`api:${apiClasses[0]}`], apiClasses.length);
  shares(to, edge.status, counters, counterAt[`status:${statusClasses[1] as 'ok'}`], statusClasses.length - 1);
  to[edge.routes] = logOf(rest.routeCount);
  // A connection that was open all the time counts in the interval in which it ends, and carries something in each.
  const isCarrying = amountCounters.some((name) => at(counterAt[name]) > 0);
  if (at(counterAt.measured) === 0 && !isCarrying) return;
  const measured = Math.max(1, at(counterAt.measured));
  to[edge.volume] = 1;
  for (const [index, name] of amountCounters.entries())
    to[edge.volume + 1 + index] = logOf(at(counterAt[name]) / measured);
  to[edge.volume + 5] = logOf(at(counterAt.durationUs) / 1_000 / measured);
}

/** What is known of a node without its edges: kind and signals. Shape [n, F], the columns of edges 0. */
export function ownFeatures(
  nodes: readonly Readonly<{ end: FlowEnd; signals: WorkloadSignals | undefined }>[],
): Float32Array {
  const features = new Float32Array(nodes.length * F);
  for (const [row, { end, signals }] of nodes.entries()) {
    const at = row * F;
    features[at + endKinds.indexOf(end.kind)] = 1;
    if (signals === undefined) continue;
    const { cpuCores, memoryBytes, syscallScore } = signals;
    const given = [
      cpuCores === undefined ? undefined : logOf(cpuCores),
      memoryBytes === undefined ? undefined : logOf(memoryBytes / 2 ** 30),
      syscallScore === undefined ? undefined : Math.min(1, Math.max(0, syscallScore)),
    ];
    for (const [index, value] of given.entries()) {
      if (value === undefined || !Number.isFinite(value)) continue;
      features[at + signalsAt + 2 * index] = 1;
      features[at + signalsAt + 2 * index + 1] = value;
    }
  }
  return features;
}

const sideStarts = [nodeAt('as-client:log-peers'), nodeAt('as-server:log-peers')] as const;
/** Offsets from a side's first column, as feature-names.ts lists them. */
const side = {
  peers: 0,
  edges: 1,
  flows: 2,
  refused: 3,
  protocol: 4,
  port: 4 + flowProtocols.length,
  api: 4 + flowProtocols.length + portClasses.length,
  status: 4 + flowProtocols.length + portClasses.length + apiClasses.length,
  end: 4 + flowProtocols.length + portClasses.length + apiClasses.length + statusClasses.length - 1,
};

/**
 * Fills the columns of `nodeFeatures` that speak of edges, from the edges' own features. Everything that a slice says of
 * its structure is made here and from nothing else, so that a slice without some edges is what it would have been.
 */
export function fillStructure(slice: Slice): void {
  const { nodeCount, edgeCount, clients, servers, nodeFeatures, edgeFeatures: from } = slice;
  // Sums in float64, by node and side; flows and calls weigh what is a share of them.
  const sums = new Float64Array(nodeCount * 2 * side.end);
  const calls = new Float64Array(nodeCount * 2);
  const pairs = new Set<number>();
  for (let row = 0; row < edgeCount; row++) {
    const ends = [clients[row] as number, servers[row] as number] as const;
    const pair = ends[0] * nodeCount + ends[1];
    const isNewPair = !pairs.has(pair);
    pairs.add(pair);
    const at = (column: number) => from[row * E + column] as number;
    const flows = countOf(at(edge.flows));
    const edgeCalls = countOf(at(edge.calls));
    for (const [which, node] of ends.entries()) {
      const start = (node * 2 + which) * side.end;
      const add = (column: number, amount: number) => {
        sums[start + column] = (sums[start + column] as number) + amount;
      };
      if (isNewPair) add(side.peers, 1);
      add(side.edges, 1);
      add(side.flows, flows);
      add(side.refused, flows * at(edge.refused));
      for (let index = 0; index < flowProtocols.length; index++) add(side.protocol + index, at(edge.protocol + index));
      for (let index = 0; index < portClasses.length; index++) add(side.port + index, at(edge.port + index));
      for (let index = side.api; index < side.end; index++) add(index, edgeCalls * at(edge.api + index - side.api));
      calls[node * 2 + which] = (calls[node * 2 + which] as number) + edgeCalls;
    }
  }
  for (let node = 0; node < nodeCount; node++) {
    for (const [which, column] of sideStarts.entries()) {
      const start = (node * 2 + which) * side.end;
      const to = nodeFeatures.subarray(node * F + column, node * F + column + side.end);
      const sum = (index: number) => sums[start + index] as number;
      for (let index = 0; index <= side.flows; index++) to[index] = logOf(sum(index));
      to[side.refused] = share(sum(side.refused), sum(side.flows));
      for (let index = side.protocol; index < side.api; index++) to[index] = share(sum(index), sum(side.edges));
      for (let index = side.api; index < side.end; index++)
        to[index] = share(sum(index), calls[node * 2 + which] as number);
    }
  }
}

/**
 * A slice without some of its edges: node features are what they would have been without them, so that nothing of a
 * hidden edge is left to see. hidden: shape [edgeCount], not 0 for edges to leave out.
 */
export function withoutEdges(slice: Slice, hidden: ArrayLike<number>): Slice {
  const kept = Array.from({ length: slice.edgeCount }, (_, row) => row).filter((row) => !hidden[row]);
  const features = new Float32Array(kept.length * E);
  for (const [to, row] of kept.entries()) features.set(slice.edgeFeatures.subarray(row * E, (row + 1) * E), to * E);
  const rest: Slice = {
    ...slice,
    edgeCount: kept.length,
    clients: Uint32Array.from(kept, (row) => slice.clients[row] as number),
    servers: Uint32Array.from(kept, (row) => slice.servers[row] as number),
    edgeFeatures: features,
    nodeFeatures: slice.nodeFeatures.slice(),
  };
  fillStructure(rest);
  return rest;
}

function shares(to: Float32Array, first: number, counters: Float64Array, from: number, length: number): void {
  let sum = 0;
  for (let index = 0; index < length; index++) sum += counters[from + index] as number;
  for (let index = 0; index < length; index++) to[first + index] = share(counters[from + index] as number, sum);
}

function share(part: number, whole: number): number {
  return whole > 0 ? part / whole : 0;
}

function logOf(amount: number): number {
  return Math.log1p(amount) / 10;
}

function countOf(log: number): number {
  return Math.expm1(log * 10);
}

function columnOf(names: readonly string[], name: string): number {
  const column = names.indexOf(name);
  if (column === -1) throw new RangeError(`no feature ${JSON.stringify(name)}`);
  return column;
}
