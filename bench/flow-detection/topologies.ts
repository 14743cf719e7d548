/**
 * Service graphs of different clusters, as a link detector reads them. Public sets come from ../shared/data where it lies
 * beside the checkout (they may not be shipped); the recorded set ships.
 */
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import type { LinkGraph } from '../../client/tracks/flow/link/link-graph.ts';
import { linkGraphOf } from '../../client/tracks/flow/link/slice-graph.ts';
import { type SampleCall, windowOf } from '../../client/tracks/flow/testing/sample-windows.ts';
import { publicData } from '../harness/public-data.ts';

export type Topology = Readonly<{ name: string; graph: LinkGraph; calls: readonly SampleCall[] }>;

/** Every topology with at least this many nodes; none where the public sets are not there. */
export function publicTopologies(nodesMin = 5): Topology[] {
  if (publicData('graphs') === undefined) return [];
  const all = [...microsecend(), ...nezha(), ...hubble(), ...misuse()];
  return all.filter(({ graph }) => graph.nodeCount >= nodesMin);
}

/** A graph from calls; ends that stand for an outside are taken as such. */
export function topologyOf(name: string, all: readonly SampleCall[]): Topology {
  const inside = (end: string) => (isOutside.test(end) ? `world:${end}` : end);
  const keyed = all.map((call) => ({ ...call, client: inside(call.client), server: inside(call.server) }));
  const calls = [...new Map(keyed.map((call) => [`${call.client} ${call.server} ${call.port}`, call])).values()];
  return { name, calls, graph: linkGraphOf(windowOf(calls).slice).graph };
}

const isOutside = /^(world|ingress|user|client|admin|ext|internet|github_repository)$/i;

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
        client: src as string,
        server: dst as string,
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
        client: src_service as string,
        server: dst_service as string,
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
    const [client, server] = turned ? [ends[1], ends[0]] : ends;
    if (client === '' || server === '' || client === server) return [];
    const port = Number(turned ? row.src_port : row.dst_port);
    return [{ client, server, port, protocol: protocolOf(row.proto === 'UDP') }];
  });
  return [topologyOf('hubble', edges)];
}

/** Control-plane traffic of a Kubernetes cluster by address: the benign part of k8s_misuse. */
function misuse(): Topology[] {
  const edges = rows('flows/k8s_misuse.csv.gz')
    .filter(({ Label }) => Label === '0')
    .map((row) => ({
      client: row['Src IP'] as string,
      server: row['Dst IP'] as string,
      port: Number(row['Dst Port']),
      protocol: protocolOf(row.Protocol === '17'),
    }));
  return [topologyOf('k8s_misuse', edges)];
}

function protocolOf(isUdp: boolean): 'tcp' | 'udp' {
  return isUdp ? 'udp' : 'tcp';
}

/** Rows of a CSV file of the public sets without quoted fields, by column; none where it is not there. */
export function rows(name: string): Record<string, string | undefined>[] {
  const path = publicData(name);
  if (path === undefined) return [];
  const [header = '', ...lines] = gunzipSync(readFileSync(path)).toString('utf8').trimEnd().split(/\r?\n/);
  const columns = header.split(',');
  return lines.map((line) => {
    const fields = line.split(',');
    return Object.fromEntries(columns.map((column, at) => [column, fields[at]]));
  });
}
