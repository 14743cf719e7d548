import type { FlowEnd, FlowL7, FlowVolume } from '../../events/flow-record.ts';
import type { FlowBatch, FlowItem } from '../../events/source-item.ts';
import type { AddressBook } from '../../recordings/address-book.ts';
import { grpcCall, httpCall } from '../../recordings/api-call.ts';
import { endOfPod } from '../../recordings/end-of-pod.ts';
import type { FilePosition, FollowOptions } from '../../recordings/file-follower.ts';
import { itemsOfLines } from '../../recordings/line-items.ts';
import { isGrpcPath, routeTemplate } from '../../recordings/route-template.ts';
import { type AccessLogLine, readAccessLogLine } from './access-log-line.ts';

export type MeshLogOptions = Readonly<{
  /** Whose proxy writes the log; a collector's Kubernetes fields say it where they are there. */
  self: Readonly<{ namespace: string; workload: string }>;
  addresses: AddressBook;
}>;

/** The access log of a mesh's proxy or of an API's gateway, through rotation: one call per line. */
export async function* meshAccessLog(
  path: string,
  { follow, mesh }: Readonly<{ follow: FollowOptions; mesh: MeshLogOptions }>,
): AsyncGenerator<FlowBatch<FilePosition>> {
  yield* itemsOfLines(path, follow, (text, where) => itemOfLine(text, mesh, where));
}

function itemOfLine(text: string, options: MeshLogOptions, where: string): FlowItem {
  const line = readAccessLogLine(text);
  if (line === undefined) return { kind: 'skipped', reason: 'NOT_AN_ACCESS_LOG_LINE', where };
  const atMs = Date.parse(line.time);
  if (Number.isNaN(atMs)) return { kind: 'skipped', reason: 'BAD_TIME', where };
  const ends = endsOf(line, options);
  const volume: FlowVolume = {
    bytesOut: line.bytesReceived || 0,
    bytesIn: line.bytesSent || 0,
    packetsOut: 0,
    packetsIn: 0,
    durationMs: line.durationMs || 0,
  };
  return {
    kind: 'flow',
    flow: {
      atMs,
      node: '',
      // Each proxy on the way writes a request down once: the same id at another workload is not a repeat.
      id: line.requestId === '' ? '' : `${line.requestId} ${ends.seenAt} ${ends.server.workload}:${ends.port}`,
      source: ends.client,
      destination: ends.server,
      sourcePort: 0,
      destinationPort: ends.port,
      protocol: 'tcp',
      isReply: false,
      seenAt: ends.seenAt,
      verdict: isRefused(line.responseFlags) ? 'dropped' : 'forwarded',
      l7: callOf(line),
      count: 1,
      volume,
    },
  };
}

type Ends = Readonly<{ client: FlowEnd; server: FlowEnd; port: number; seenAt: 'client' | 'server' }>;

/** Who asked whom: Envoy's cluster says whether the proxy stood at the client ("outbound|…") or at the server. */
function endsOf(line: AccessLogLine, { self, addresses }: MeshLogOptions): Ends {
  const own = endOfPod({
    namespace: line.namespace || self.namespace,
    pod: line.pod,
    workload: line.pod === '' ? self.workload : '',
    identity: 0,
    labels: [],
  });
  const [direction, port = '', , host = ''] = line.upstreamCluster.split('|');
  if (direction === 'outbound') {
    const server = serviceOf(host, own.namespace) ?? addressed(line.upstreamHost, addresses);
    return { client: own, server, port: portOf(port), seenAt: 'client' };
  }
  const served = direction === 'inbound' ? portOf(port) : portOf(portText(line.downstreamLocal));
  return { client: addressed(line.downstreamRemote, addresses), server: own, port: served, seenAt: 'server' };
}

/** "reviews.shop.svc.cluster.local" is reviews of shop; another name is outside of the cluster. */
function serviceOf(host: string, ownNamespace: string): FlowEnd | undefined {
  if (host === '') return undefined;
  const [workload = '', namespace = ownNamespace, kind] = host.split('.');
  if (kind === 'svc' || !host.includes('.')) return { kind: 'workload', namespace, workload };
  return { kind: 'world', namespace: '', workload: '' };
}

function addressed(address: string, addresses: AddressBook): FlowEnd {
  const bare = address.replace(/:\d+$/, '').replace(/^\[|\]$/g, '');
  return addresses.endOf(bare) ?? { kind: 'unknown', namespace: '', workload: '' };
}

function portText(address: string): string {
  return /:(\d+)$/.exec(address)?.[1] ?? '';
}

function portOf(text: string): number {
  const port = Number(text);
  return Number.isInteger(port) && port > 0 && port <= 65_535 ? port : 0;
}

/** Envoy's flags for what a policy or a limit refused (RBAC, rate limit, external authorisation) and for no route. */
function isRefused(flags: string): boolean {
  return /\b(?:RL|UAEX|RLSE|NR|NC)\b|rbac/i.test(flags);
}

function callOf(line: AccessLogLine): FlowL7 {
  const { method, path, status, grpcStatus } = line;
  if (grpcStatus === '' && !(method === 'POST' && isGrpcPath(routeTemplate(path)) && /HTTP\/2/.test(line.protocol))) {
    return httpCall('exchange', method, path, status || 0);
  }
  const failed = /^(?:0|OK|)$/i.test(grpcStatus)
    ? 'ok'
    : serverFaults.test(grpcStatus)
      ? 'server-error'
      : 'client-error';
  return grpcCall('exchange', path, status === 200 ? failed : httpCall('exchange', method, path, status || 0).status);
}

/** gRPC's statuses that are the server's: deadline, internal, unavailable, data loss, unknown, unimplemented. */
const serverFaults = /^(?:2|4|12|13|14|15|Unknown|DeadlineExceeded|Unimplemented|Internal|Unavailable|DataLoss)$/i;
