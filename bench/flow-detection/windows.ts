/**
 * Windows of normal work and of lateral movement. Public sets hold no lateral movement inside a service graph, so it is
 * injected: from one workload that is taken to be compromised, a few hops, each to a workload near by that the last one
 * never calls. The recorded set holds simulated intrusions with their own flows.
 */

import { type Random, randomOrder, seededRandom } from '../../base/random.ts';
import type { ObservedFlow } from '../../client/events/flow-record.ts';
import type { NamedSlice } from '../../client/tracks/flow/graph/slice.ts';
import { FlowSlicer, type SlicerEvent } from '../../client/tracks/flow/graph/slicer.ts';
import { Adjacency } from '../../client/tracks/flow/link/link-graph.ts';
import { type SampleCall, sampleWindows, windowOf } from '../../client/tracks/flow/testing/sample-windows.ts';
import { recordedFlows } from './recorded-flows.ts';
import type { Topology } from './topologies.ts';

export type Judged = Readonly<{
  window: NamedSlice;
  /** By edge of the window. */
  hostile: readonly boolean[];
}>;

export type ClusterWork = Readonly<{ name: string; learnt: readonly NamedSlice[]; judged: readonly Judged[] }>;

const learntWindows = 20;
const judgedWindows = 20;
/** Edges that begin only after learning: new versions call new things, and that is no intrusion. */
const lateShare = 0.15;
const hops = 3;

/**
 * A cluster with this topology: windows to learn from, then windows to judge with late benign edges, half of them with an
 * injected movement. Ports are those of the topology; the movement uses the served port of whom it enters.
 */
export function injectedWork({ name, calls }: Topology, seed: number): ClusterWork {
  const random = seededRandom(seed);
  const order = randomOrder(calls.length, random);
  const late = new Set([...order.subarray(0, Math.max(1, Math.round(calls.length * lateShare)))]);
  const early = calls.filter((_, at) => !late.has(at));
  const learnt = sampleWindows(early, learntWindows, random);
  const judged = sampleWindows(calls, judgedWindows, random).map((window, at): Judged => {
    const benign = callsOf(window);
    const moves = at % 2 === 0 ? [] : movement(calls, random);
    const all = windowOf([...benign, ...moves], learntWindows + at);
    return { window: all, hostile: [...benign.map(() => false), ...moves.map(() => true)] };
  });
  return { name, learnt, judged };
}

/** A walk of a few hops; each enters a workload two steps away or anywhere, by a pair that nobody uses. */
function movement(calls: readonly SampleCall[], random: Random): SampleCall[] {
  const names = [...new Set(calls.flatMap(({ client, server }) => [client, server]))].sort();
  const at = new Map(names.map((name, index) => [name, index]));
  const ends = (pick: (call: SampleCall) => string) => Uint32Array.from(calls, (call) => at.get(pick(call)) as number);
  const known = new Adjacency({
    nodeCount: names.length,
    sources: ends(({ client }) => client),
    targets: ends(({ server }) => server),
  });
  const moves: SampleCall[] = [];
  let here = Math.floor(random() * names.length);
  for (let hop = 0; hop < hops; hop++) {
    const near = [...(known.around[here] as Uint32Array)].flatMap((next) => [...(known.around[next] as Uint32Array)]);
    const anywhere = [...names.keys()];
    const choices = (random() < 0.7 && near.length > 0 ? near : anywhere).filter(
      (next) => next !== here && !known.has(here, next) && !(names[next] as string).startsWith('world'),
    );
    const next = choices[Math.floor(random() * choices.length)];
    if (next === undefined) break;
    const served = calls.find(({ server }) => server === names[next]);
    moves.push({ client: names[here] as string, server: names[next] as string, port: served?.port ?? 8080 });
    here = next;
  }
  return moves;
}

function callsOf({ slice, names }: NamedSlice): SampleCall[] {
  return names.edges.map(({ port, protocol }, edge) => ({
    client: names.nodes[slice.clients[edge] as number]?.workload as string,
    server: names.nodes[slice.servers[edge] as number]?.workload as string,
    port,
    protocol: protocol as 'tcp' | 'udp',
  }));
}

/**
 * The recorded clusters: windows of five seconds. Learnt: those that ended before the training window did. Judged: the
 * rest; an edge is hostile where all its flows in the window carry an attack's label. Users and intruders are "world".
 */
export function recordedWork(): ClusterWork[] {
  return recordedFlows().map(({ name, flows, trainEndMs }) => {
    const windows = slicesOf(flows);
    const learnt = windows.filter(({ slice }) => slice.endMs <= trainEndMs);
    const judged = windows
      .filter(({ slice }) => slice.startMs >= trainEndMs)
      .map((window) => ({
        window,
        hostile: window.names.edges.map(({ labels }) => labels.some((label) => label !== 'drift')),
      }));
    return { name, learnt, judged };
  });
}

function slicesOf(flows: readonly ObservedFlow[]): NamedSlice[] {
  const slicer = new FlowSlicer({
    intervalMs: 5_000,
    windowIntervals: 1,
    latenessMs: 0,
    jumpMs: 1e9,
    partialWindows: true,
  });
  const events: SlicerEvent[] = flows.flatMap((flow) => slicer.push(flow));
  events.push(...slicer.flush());
  return events.flatMap((event) => (event.kind === 'slice' ? [{ slice: event.slice, names: event.names }] : []));
}
