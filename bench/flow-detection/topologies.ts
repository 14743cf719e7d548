/**
 * Service graphs of different clusters, as a link detector reads them. Public sets come from ../shared/data where it lies
 * beside the checkout (they may not be shipped); the recorded set ships.
 */
import { existsSync, readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { edgeFeatureNames, nodeFeatureNames } from '../../client/detectors/flow/graph/feature-names.ts';
import type { LinkGraph } from '../../client/detectors/flow/link/link-graph.ts';
import { linkGraphOf } from '../../client/detectors/flow/link/slice-graph.ts';
import { portClasses, portClassOf } from '../../client/sources/flow/port-class.ts';

export type Topology = Readonly<{ name: string; graph: LinkGraph; names: readonly string[] }>;

export type CallEdge = Readonly<{ source: string; target: string; port: number; api?: string; protocol?: string }>;

const sharedRoot = new URL('../../../shared/data/', import.meta.url).pathname;

/** Every topology with at least this many nodes; none where ../shared/data is not there. */
export function publicTopologies(nodesMin = 5): Topology[] {
  if (!existsSync(sharedRoot)) return [];
  const all = [...microsecend(), ...nezha(), ...hubble(), ...misuse()];
  return all.filter(({ graph }) => graph.nodeCount >= nodesMin);
}

/** A graph from calls; ends that look like an outside world are given as such. */
export function topologyOf(name: string, edges: readonly CallEdge[]): Topology {
  const names = [...new Set(edges.flatMap(({ source, target }) => [source, target]))].sort();
  const indexOf = new Map(names.map((each, index) => [each, index]));
  const [nodeWidth, edgeWidth] = [nodeFeatureNames.length, edgeFeatureNames.length];
  const nodeFeatures = new Float32Array(names.length * nodeWidth);
  for (const [node, each] of names.entries()) {
    nodeFeatures[node * nodeWidth + nodeFeatureNames.indexOf(`kind:${kindOf(each)}`)] = 1;
  }
  const edgeFeatures = new Float32Array(edges.length * edgeWidth);
  for (const [at, { port, api, protocol }] of edges.entries()) {
    const set = (column: string) => {
      edgeFeatures[at * edgeWidth + edgeFeatureNames.indexOf(column)] = 1;
    };
    set(`protocol:${protocol ?? 'tcp'}`);
    set(`port:${portClasses[portClassOf(port)]}`);
    if (api !== undefined) set(`api:${api}`);
  }
  const { graph } = linkGraphOf({
    startMs: 0,
    endMs: 0,
    nodeCount: names.length,
    edgeCount: edges.length,
    nodeFeatures,
    clients: Uint32Array.from(edges, ({ source }) => indexOf.get(source) as number),
    servers: Uint32Array.from(edges, ({ target }) => indexOf.get(target) as number),
    edgeFeatures,
  });
  return { name, graph, names };
}

function kindOf(name: string): string {
  return /^(world|ingress|user|client|admin|ext|internet|github_repository)$/i.test(name) ? 'world' : 'workload';
}

/** Thirteen data-flow diagrams of open-source applications (Schneider et al., MSR 2023): no time and no volume. */
function microsecend(): Topology[] {
  const ports = new Map(
    rows('graphs/microsecend_nodes.csv.gz').map(({ app, node, port }) => [`${app} ${node}`, Number(port)]),
  );
  const apps = Map.groupBy(rows('graphs/microsecend_edges.csv.gz'), ({ app }) => app as string);
  return [...apps].map(([app, edges]) =>
    topologyOf(
      app,
      edges.map(({ src, dst, stereotypes }) => ({
        source: src as string,
        target: dst as string,
        port: ports.get(`${app} ${dst}`) ?? 0,
        ...(stereotypes?.includes('restful_http') && { api: 'http-read' }),
      })),
    ),
  );
}

/** Online Boutique and Train Ticket, from spans. Ports are not in the set. */
function nezha(): Topology[] {
  const apps = Map.groupBy(rows('graphs/nezha_service_edges.csv.gz'), ({ app }) => app as string);
  return [...apps].map(([app, edges]) =>
    topologyOf(
      app,
      edges.map(({ src_service, dst_service }) => ({
        source: src_service as string,
        target: dst_service as string,
        port: 8080,
        api: app === 'online-boutique' ? 'grpc' : 'http-read',
      })),
    ),
  );
}

/** Bookinfo with Istio, from Hubble; the direction is that of the record, replies turned round. */
function hubble(): Topology[] {
  const edges = rows('graphs/hubble_flows.csv.gz').flatMap((row) => {
    const name = (app: string | undefined, namespace: string | undefined) =>
      app?.startsWith('reserved:') ? 'world' : app === '' ? '' : `${namespace}/${app}`;
    const ends = [name(row.src_app, row.src_namespace), name(row.dst_app, row.dst_namespace)] as const;
    const turned = row.is_reply === 'True' || Number(row.dst_port) >= 32_768;
    const [source, target] = turned ? [ends[1], ends[0]] : ends;
    if (source === '' || target === '' || source === target) return [];
    const port = Number(turned ? row.src_port : row.dst_port);
    return [{ source, target, port, protocol: row.proto === 'UDP' ? 'udp' : 'tcp' }];
  });
  return [topologyOf('hubble', edges)];
}

/** Control-plane traffic of a Kubernetes cluster by address: the benign part of k8s_misuse. */
function misuse(): Topology[] {
  const edges = rows('flows/k8s_misuse.csv.gz')
    .filter(({ Label }) => Label === '0')
    .map((row) => ({
      source: row['Src IP'] as string,
      target: row['Dst IP'] as string,
      port: Number(row['Dst Port']),
      protocol: row.Protocol === '17' ? 'udp' : 'tcp',
    }));
  return [topologyOf('k8s_misuse', edges)];
}

/** Rows of a CSV file of ../shared/data without quoted fields, by column. */
export function rows(name: string): Record<string, string | undefined>[] {
  const [header = '', ...lines] = gunzipSync(readFileSync(sharedRoot + name))
    .toString('utf8')
    .trimEnd()
    .split(/\r?\n/);
  const columns = header.split(',');
  return lines.map((line) => {
    const fields = line.split(',');
    return Object.fromEntries(columns.map((column, at) => [column, fields[at]]));
  });
}
