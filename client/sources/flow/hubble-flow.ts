import type { ApiRequest } from '../../events/api-request.ts';
import type { FlowEnd, FlowL7, FlowProtocol, Verdict } from '../../events/flow-record.ts';
import { isPlausibleTime } from '../../events/plausible-time.ts';
import type { FlowItem } from '../../events/source-item.ts';
import { networkOf } from '../../recordings/address.ts';
import { dnsCall, httpCall, statusClass } from '../../recordings/api-call.ts';
import { type EndHints, endOfPod } from '../../recordings/end-of-pod.ts';

export type HubbleEnd = EndHints & Readonly<{ address: string }>;

/** What both transports, JSON and protobuf, are brought to. */
export type HubbleMessage = Readonly<
  | { kind: 'flow'; flow: HubbleFlow }
  | { kind: 'lost'; count: number }
  | { kind: 'nodeStatus' }
  /** A type that Hubble has and that says nothing about who talks to whom. */
  | { kind: 'ignored' }
  | { kind: 'unknown' }
>;

export type HubbleFlow = Readonly<{
  atMs: number;
  /** To the nanosecond: part of what tells two sightings apart where there is no uuid. */
  exactTime: string;
  node: string;
  uuid: string;
  type: 'L3_L4' | 'L7' | 'SOCK' | 'unknown';
  verdict: Verdict;
  /** Why it was dropped, or that it went by way of a proxy; empty where there is nothing to say. */
  verdictReason: string;
  protocol: FlowProtocol;
  sourcePort: number;
  destinationPort: number;
  isReply: boolean | undefined;
  direction: 'ingress' | 'egress' | 'unknown';
  source: HubbleEnd;
  destination: HubbleEnd;
  l7: HubbleL7 | undefined;
  /** How many flows it stands for, by the side that saw them, where the exporter aggregates. */
  aggregate: HubbleAggregate | undefined;
}>;

export type HubbleAggregate = Readonly<{ ingress: number; egress: number; unknown: number }>;

export type HubbleL7 = Readonly<
  { phase: FlowL7['phase'] } & (
    | { kind: 'http'; method: string; url: string; code: number }
    | { kind: 'dns'; queryType: string; rcode: number }
    | { kind: 'kafka'; apiKey: string; errorCode: number }
    | { kind: 'other' }
  )
>;

/** Hubble's verdicts by number. Redirected, traced and translated packets go on their way. */
export const hubbleVerdicts: readonly Verdict[] = [
  'unknown',
  'forwarded',
  'dropped',
  'error',
  'audit',
  'forwarded',
  'forwarded',
  'forwarded',
];

/** The items that a message is: one, or for an aggregate one for each side that saw flows. `where`: its position, for people. */
export function itemsOfHubble(message: HubbleMessage, where: string): readonly FlowItem[] {
  if (message.kind !== 'flow') return [itemOfHubble(message, where)];
  const { flow } = message;
  const sides = flow.aggregate === undefined ? [] : sidesOf(flow.aggregate);
  const item = itemOfFlow(flow, where);
  if (sides.length === 0 || item.kind !== 'flow') return [item];
  return sides.map(([seenAt, count]): FlowItem => {
    const id = sides.length === 1 || item.flow.id === '' ? item.flow.id : `${item.flow.id} ${seenAt}`;
    return { kind: 'flow', flow: { ...item.flow, id, seenAt, count } };
  });
}

/** The item that a message is, its counts left aside. */
export function itemOfHubble(message: HubbleMessage, where: string): FlowItem {
  switch (message.kind) {
    case 'lost':
      return message;
    case 'nodeStatus':
      return { kind: 'skipped', reason: 'NODE_STATUS', where };
    case 'ignored':
      return { kind: 'skipped', reason: 'IGNORED_EVENT_TYPE', where };
    case 'unknown':
      return { kind: 'skipped', reason: 'UNKNOWN_EVENT_TYPE', where };
    case 'flow':
      return itemOfFlow(message.flow, where);
  }
}

function sidesOf({ ingress, egress, unknown }: HubbleAggregate) {
  const sides = [
    ['client', egress],
    ['server', ingress],
    ['unknown', unknown],
  ] as const;
  return sides.filter(([, count]) => count > 0);
}

function itemOfFlow(flow: HubbleFlow, where: string): FlowItem {
  // A socket's flow is the same connection before its Service was translated; packets show it too.
  if (flow.type === 'SOCK') return { kind: 'skipped', reason: 'IGNORED_EVENT_TYPE', where };
  if (flow.type === 'unknown') return { kind: 'skipped', reason: 'UNKNOWN_EVENT_TYPE', where };
  const { atMs, node, verdict, verdictReason, protocol, sourcePort, destinationPort, isReply, direction } = flow;
  if (!isPlausibleTime(atMs)) return { kind: 'skipped', reason: 'BAD_TIME', where };
  if (!isPort(sourcePort) || !isPort(destinationPort)) return { kind: 'skipped', reason: 'BAD_FIELD', where };
  const [source, destination] = [endOf(flow.source), endOf(flow.destination)];
  if (source === undefined || destination === undefined) return { kind: 'skipped', reason: 'MISSING_ENDPOINT', where };
  // The connection's direction and not the packet's: egress is the client's side, for questions and replies alike.
  const seenAt = direction === 'unknown' ? 'unknown' : direction === 'egress' ? 'client' : 'server';
  return {
    kind: 'flow',
    flow: {
      atMs,
      node,
      id: flow.uuid || idOf(flow),
      source,
      destination,
      sourcePort,
      destinationPort,
      protocol,
      isReply,
      seenAt,
      verdict,
      ...(verdictReason !== '' && { verdictReason }),
      l7: flow.l7 === undefined ? undefined : callOf(flow.l7),
      ...requestOf(flow),
      count: 1,
      volume: undefined,
    },
  };
}

/**
 * Before Cilium 1.15 flows have no uuid, nor where the exporter's mask leaves it out: time to the nanosecond, node, both
 * sockets and the kind of message do it. Without addresses they would not: such a flow has none.
 */
function idOf({ exactTime, node, type, source, sourcePort, destination, destinationPort, l7 }: HubbleFlow): string {
  if (source.address === '' || destination.address === '') return '';
  const phase = l7?.phase ?? '';
  return `${exactTime} ${node} ${type}${phase} ${source.address}:${sourcePort} ${destination.address}:${destinationPort}`;
}

function endOf(end: HubbleEnd): FlowEnd | undefined {
  const named = endOfPod(end);
  return named.kind === 'unknown' && end.identity === 0 && end.address === '' ? undefined : named;
}

/** Of what was answered: a question says nothing more. Hubble knows no subjects, and the pods at both ends itself. */
function requestOf({ l7, source, destination, isReply }: HubbleFlow): Readonly<{ request?: ApiRequest }> {
  if (l7?.kind !== 'http' || l7.phase === 'request') return {};
  const client = isReply === true ? destination : source;
  const request: ApiRequest = {
    target: l7.url,
    status: l7.code,
    requestId: '',
    version: '',
    auth: '',
    issuer: '',
    subject: '',
    source: client.pod || client.address,
    network: client.pod === '' ? networkOf(client.address) : '',
    fields: undefined,
    bytesReceived: 0,
    bytesSent: 0,
  };
  return { request };
}

function callOf(l7: HubbleL7): FlowL7 {
  switch (l7.kind) {
    case 'http':
      return httpCall(l7.phase, l7.method, l7.url, l7.code);
    case 'dns':
      return dnsCall(l7.phase, l7.queryType, l7.rcode);
    case 'kafka': {
      const status = l7.phase === 'request' ? 'none' : statusClass(l7.errorCode === 0 ? 200 : 500);
      return { phase: l7.phase, apiClass: 'other', method: '', route: l7.apiKey.slice(0, 64), status };
    }
    case 'other':
      return { phase: l7.phase, apiClass: 'other', method: '', route: '', status: 'none' };
  }
}

function isPort(port: number): boolean {
  return Number.isInteger(port) && port >= 0 && port <= 65_535;
}
