import type { ApiRequest } from '../../events/api-request.ts';
import type { FlowL7, FlowVolume } from '../../events/flow-record.ts';
import type { FlowItem } from '../../events/source-item.ts';
import { endpointOf, networkOf } from '../address.ts';
import { grpcCall, httpCall } from '../api-call.ts';
import { isGrpcPath, routeTemplate } from '../route-template.ts';
import type { AccessLogLine } from './access-log-line.ts';
import type { EndsOfCalls } from './ends-of-call.ts';
import { readAccessLogLine } from './read-access-log-line.ts';
import { timeOfLine } from './time-of-line.ts';

/** The call that one line of an access log tells of. `where`: its position, for people. */
export function itemOfAccessLine(text: string, endsOfCalls: EndsOfCalls, where: string): FlowItem {
  const line = readAccessLogLine(text);
  if (typeof line === 'string') return { kind: 'skipped', reason: line, where };
  const atMs = timeOfLine(line.time);
  if (Number.isNaN(atMs)) return { kind: 'skipped', reason: 'BAD_TIME', where };
  const ends = endsOfCalls.of(line);
  if (typeof ends === 'string') return { kind: 'skipped', reason: ends, where };
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
      // Lines are written when a request is over: an upload or a web socket of minutes counts there.
      ...(line.durationMs > 0 && !line.isTimeOfEnd && { endMs: atMs + line.durationMs }),
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
      verdict: ends.isBlocked || isRefused(line) ? 'dropped' : 'forwarded',
      ...(line.method === '' && line.path === '' ? { l7: undefined } : { l7: callOf(line), request: requestOf(line) }),
      count: 1,
      volume,
    },
  };
}

function requestOf(line: AccessLogLine): ApiRequest {
  const source = line.source || hostOf(line.downstreamRemote);
  return {
    target: line.path,
    status: line.status || 0,
    requestId: line.requestId,
    version: line.version,
    auth: line.auth,
    issuer: line.issuer,
    subject: line.subject,
    source,
    network: line.network || networkOf(source),
    fields: line.fields,
    bytesReceived: line.bytesReceived || 0,
    bytesSent: line.bytesSent || 0,
  };
}

function hostOf(remote: string): string {
  const colon = remote.indexOf(':');
  // Nearly every end: an IPv4 address and a port.
  return colon > 0 && colon === remote.lastIndexOf(':') ? remote.slice(0, colon) : endpointOf(remote).host;
}

/** Envoy's flags for what a policy or a limit refused (rate limit, external authorisation) and for no route, short and long. */
const refusingFlags =
  /\b(?:RL|UAEX|RLSE|NR|NC|RateLimited|UnauthorizedExternalService|RateLimitServiceError|NoRouteFound|NoClusterFound)\b|rbac/i;
const refusingDetails =
  /rbac_access_denied|ext_authz_(?:denied|error)|jwt_authn_access_denied|(?:local|request)_rate_limited/;

function isRefused({ responseFlags, details, isRefused: isSaid }: AccessLogLine): boolean {
  if (isSaid || (responseFlags !== '' && refusingFlags.test(responseFlags))) return true;
  return details !== '' && details !== 'via_upstream' && refusingDetails.test(details);
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
