import type { ApiRequest } from '../../../events/api-request.ts';
import { endKey, type FlowEnd, type FlowL7, type ObservedFlow } from '../../../events/flow-record.ts';
import { type ApiCall, type ApiExample, fromNowhere, fromOutside } from '../example.ts';
import { classOf } from '../facts/walk-facts.ts';
import type { RecentActivity } from './recent-activity.ts';
import { readTarget } from './target.ts';

/** A flow that carries a request. */
export type RequestFlow = ObservedFlow & Readonly<{ l7: FlowL7; request: ApiRequest }>;

export function carriesRequest(flow: ObservedFlow): flow is RequestFlow {
  return flow.request !== undefined && flow.l7 !== undefined;
}

/** A chain of calls as it was seen, with what an alert says of it. */
export type ApiChain = Readonly<{
  example: ApiExample;
  firstMs: number;
  lastMs: number;
  identity: string;
  /** Who answered the call that the client sent. */
  server: FlowEnd;
  client: FlowEnd;
  /** What the data set calls its calls, without repeats. */
  labels: readonly string[];
}>;

/** Calls of a chain that are looked at together. */
export const callsMax = 32;

/** The chain of these flows, in the order of their times; at least one. `hash`: salted, 32 bits. */
export function chainOf(
  seen: readonly RequestFlow[],
  activity: RecentActivity,
  hash: (text: string) => number,
): ApiChain {
  const flows = withoutRepeats(seen.map(asAsked));
  const first = flows[0] as RequestFlow;
  const { request } = first;
  const targets = flows.slice(0, callsMax).map((flow) => readTarget(flow.request.target, hash));
  const servers = flows.map(({ destination }) => nameOf(destination));
  const calls = targets.map(({ route, values }, at): ApiCall => {
    const { l7, request, source } = flows[at] as RequestFlow;
    const caller = nameOf(source);
    const parent = caller === '' ? fromOutside : servers.slice(0, at).lastIndexOf(caller);
    return {
      server: servers[at] as string,
      caller,
      version: request.version,
      method: l7.method,
      route,
      values,
      status: request.status,
      auth: request.auth,
      issuer: request.issuer,
      received: classOf(request.bytesReceived),
      sent: classOf(request.bytesSent),
      fields: request.fields,
      parent: parent === -1 && caller !== '' ? fromNowhere : parent,
    };
  });
  const root = calls[0] as ApiCall;
  const atS = Math.floor(first.atMs / 1_000);
  const { subject, source, network } = request;
  const from = source || callerOf(first.source);
  const around = activity.add({
    atS,
    source: from,
    network,
    subject,
    route: `${root.server} ${root.method} ${root.route}`,
    isFailure: calls.some(({ status }) => status >= 400),
    objects: targets[0]?.objects ?? [],
  });
  const last = flows.at(-1) as RequestFlow;
  const identity = [request.requestId, first.atMs, root.server, root.method, root.route, calls.length].join(' ');
  return {
    example: {
      id: hash(`chain ${identity} ${from} ${subject} ${request.target.slice(0, 256)}`),
      atS,
      subject: subject === '' ? 0 : hash(`subject ${subject}`),
      source: from === '' ? 0 : hash(`source ${from}`),
      network: network === '' ? 0 : hash(`network ${network}`),
      calls,
      around,
    },
    firstMs: first.atMs,
    lastMs: last.atMs,
    identity,
    server: first.destination,
    client: first.source,
    labels: [...new Set(flows.map(({ label }) => label).filter((label) => label !== undefined))],
  };
}

/** Empty where nothing tells who it is. */
function callerOf(end: FlowEnd): string {
  return end.workload === '' && (end.kind === 'world' || end.kind === 'unknown') ? '' : endKey(end);
}

/** From who asked to who was asked: Hubble tells of answers. */
function asAsked(flow: RequestFlow): RequestFlow {
  return flow.isReply === true ? { ...flow, source: flow.destination, destination: flow.source, isReply: false } : flow;
}

/** Where the proxies at both ends wrote a call down, the server's line stays. */
function withoutRepeats(flows: readonly RequestFlow[]): readonly RequestFlow[] {
  if (!flows.some(({ seenAt }) => seenAt === 'client')) return flows;
  const served = new Set(flows.filter(({ seenAt }) => seenAt === 'server').map(callKey));
  const kept = flows.filter((flow) => flow.seenAt !== 'client' || !served.has(callKey(flow)));
  return kept.length === 0 ? flows : kept;
}

function callKey({ destination, l7, request }: RequestFlow): string {
  return `${destination.workload} ${l7.method} ${request.target}`;
}

/** Workloads have names here; everybody else is outside. */
function nameOf({ kind, workload }: FlowEnd): string {
  return kind === 'workload' || kind === 'unknown' ? workload : kind === 'world' ? '' : kind;
}
