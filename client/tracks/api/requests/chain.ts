import type { ApiRequest } from '../../../events/api-request.ts';
import { endKey, type FlowEnd, type ObservedFlow } from '../../../events/flow-record.ts';
import { type ApiCall, type ApiExample, fromNowhere, fromOutside } from '../example.ts';
import { classOf } from '../facts/walk-facts.ts';
import type { RecentActivity } from './recent-activity.ts';
import { readTarget } from './target.ts';

/** A flow that carries a request. */
export type RequestFlow = ObservedFlow & Readonly<{ l7: { request: ApiRequest } }>;

export function carriesRequest(flow: ObservedFlow): flow is RequestFlow {
  return flow.l7?.request !== undefined && flow.l7.apiClass !== 'dns';
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
  const flows = withoutRepeats(seen);
  const first = flows[0] as RequestFlow;
  const { request } = first.l7;
  const targets = flows.slice(0, callsMax).map((flow) => readTarget(flow.l7.request.target, hash));
  const servers = flows.map(({ destination }) => nameOf(destination));
  const calls = targets.map(({ route, values }, at): ApiCall => {
    const { l7, source } = flows[at] as RequestFlow;
    const caller = nameOf(source);
    const parent = caller === '' ? fromOutside : servers.slice(0, at).lastIndexOf(caller);
    return {
      server: servers[at] as string,
      caller,
      version: l7.request.version,
      method: l7.method,
      route,
      values,
      status: l7.request.status,
      auth: l7.request.auth,
      issuer: l7.request.issuer,
      received: classOf(l7.request.bytesReceived),
      sent: classOf(l7.request.bytesSent),
      fields: l7.request.fields,
      parent: parent === -1 && caller !== '' ? fromNowhere : parent,
    };
  });
  const root = calls[0] as ApiCall;
  const atS = Math.floor(first.atMs / 1_000);
  const { subject, source, network } = request;
  const from = source || endKey(first.source);
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
      source: hash(`source ${from}`),
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

/** Where the proxies at both ends wrote a call down, the server's line stays. */
function withoutRepeats(flows: readonly RequestFlow[]): readonly RequestFlow[] {
  if (!flows.some(({ seenAt }) => seenAt === 'client')) return flows;
  const served = new Set(flows.filter(({ seenAt }) => seenAt === 'server').map(callKey));
  const kept = flows.filter((flow) => flow.seenAt !== 'client' || !served.has(callKey(flow)));
  return kept.length === 0 ? flows : kept;
}

function callKey({ destination, l7 }: RequestFlow): string {
  return `${destination.workload} ${l7.method} ${l7.request.target}`;
}

/** Workloads have names here; everybody else is outside. */
function nameOf({ kind, workload }: FlowEnd): string {
  return kind === 'workload' || kind === 'unknown' ? workload : kind === 'world' ? '' : kind;
}
