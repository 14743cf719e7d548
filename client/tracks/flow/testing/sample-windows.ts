import { type Random, seededRandom } from '../../../../base/random.ts';
import { endKinds, type FlowEnd } from '../../../events/flow-record.ts';
import { portClasses, portClassOf } from '../../../events/port-class.ts';
import { edgeFeatureNames, nodeFeatureNames } from '../graph/feature-names.ts';
import type { NamedSlice } from '../graph/slice.ts';
import type { LinkGraph } from '../link/link-graph.ts';
import { linkGraphOf } from '../link/slice-graph.ts';

/** One call between named workloads: what a window is made of here. */
export type SampleCall = Readonly<{
  client: string;
  server: string;
  port: number;
  api?: string;
  protocol?: 'tcp' | 'udp';
}>;

export const windowMs = 60_000;

/** A window as the slicer would give it, for calls that happened in its first second. Names beginning with "world" are outside. */
export function windowOf(calls: readonly SampleCall[], index = 0): NamedSlice {
  const names = [...new Set(calls.flatMap(({ client, server }) => [client, server]))].sort();
  const rowOf = new Map(names.map((name, row) => [name, row]));
  const [nodeWidth, edgeWidth] = [nodeFeatureNames.length, edgeFeatureNames.length];
  const nodes = names.map(endOf);
  const nodeFeatures = new Float32Array(names.length * nodeWidth);
  for (const [row, { kind }] of nodes.entries()) {
    nodeFeatures[row * nodeWidth + nodeFeatureNames.indexOf(`kind:${kind}`)] = 1;
  }
  const edgeFeatures = new Float32Array(calls.length * edgeWidth);
  for (const [row, { port, api, protocol = 'tcp' }] of calls.entries()) {
    const columns = [
      `protocol:${protocol}`,
      `port:${portClasses[portClassOf(port)]}`,
      ...(api === undefined ? [] : [`api:${api}`]),
    ];
    for (const column of columns) edgeFeatures[row * edgeWidth + edgeFeatureNames.indexOf(column)] = 1;
    // Amounts that differ from edge to edge and from window to window.
    edgeFeatures[row * edgeWidth + edgeFeatureNames.indexOf('log-flows')] = 0.1 + 0.05 * ((7 * row + 3 * index) % 5);
  }
  const startMs = index * windowMs;
  return {
    slice: {
      startMs,
      endMs: startMs + windowMs,
      nodeCount: names.length,
      edgeCount: calls.length,
      nodeFeatures,
      clients: Uint32Array.from(calls, ({ client }) => rowOf.get(client) as number),
      servers: Uint32Array.from(calls, ({ server }) => rowOf.get(server) as number),
      edgeFeatures,
    },
    names: {
      nodes,
      edges: calls.map(({ port, protocol = 'tcp' }) => ({
        protocol,
        port,
        count: 1,
        firstMs: startMs,
        lastMs: startMs + 1_000,
        routes: [],
        labels: [],
      })),
    },
  };
}

function endOf(name: string): FlowEnd {
  const kind = endKinds.find((each) => each !== 'workload' && name.startsWith(each)) ?? 'workload';
  return { kind, namespace: 'shop', workload: name };
}

/**
 * Calls of a made-up application: an entrance, front ends, services that call services further in, stores at the end. Names
 * say nothing; `size` services in all.
 */
export function sampleCalls(seed: number, size = 14): SampleCall[] {
  const random = seededRandom(seed);
  const [fronts, stores] = [Math.max(1, Math.round(size / 6)), Math.max(1, Math.round(size / 4))];
  const name = (at: number) => `w${seed}-${at}`;
  const calls: SampleCall[] = [];
  for (let front = 0; front < fronts; front++)
    calls.push({ client: 'world', server: name(front), port: 443, api: 'http-read' });
  const inner = size - stores;
  for (let at = 0; at < inner; at++) {
    const later = inner - Math.max(at + 1, fronts);
    for (let count = 0; count < Math.min(later, 1 + Math.floor(3 * random())); count++) {
      const server = name(inner - 1 - Math.floor(later * random()));
      calls.push({ client: name(at), server, port: 8080, api: 'http-read' });
    }
    if (at >= fronts && random() < 0.7) {
      const store = Math.floor(stores * random());
      calls.push({ client: name(at), server: name(inner + store), port: store % 2 === 0 ? 5432 : 6379 });
    }
  }
  return distinct(calls);
}

/** The same calls as a graph. */
export function sampleGraph(seed: number, size?: number): LinkGraph {
  return linkGraphOf(windowOf(sampleCalls(seed, size)).slice).graph;
}

/** Windows in which every call happens with the given chance, at least one. */
export function sampleWindows(calls: readonly SampleCall[], count: number, random: Random, chance = 0.8): NamedSlice[] {
  return Array.from({ length: count }, (_, index) => {
    const chosen = calls.filter(() => random() < chance);
    return windowOf(chosen.length > 0 ? chosen : calls.slice(0, 1), index);
  });
}

function distinct(calls: readonly SampleCall[]): SampleCall[] {
  return [...new Map(calls.map((call) => [`${call.client} ${call.server} ${call.port}`, call])).values()];
}
