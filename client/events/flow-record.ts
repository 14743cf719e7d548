import type { ApiRequest } from './api-request.ts';

/**
 * What stands at an end of a flow. `workload`: a pod that a workload owns. `host`: this or another node of the cluster.
 * `world`: outside the cluster. `control`: the API server, Cilium's health endpoints and ingress. `unknown`: not named by
 * the source; `folded`: one of many that were counted together to bound memory (see edge-table.ts).
 */
export const endKinds = ['workload', 'host', 'world', 'control', 'unknown', 'folded'] as const;
export type EndKind = (typeof endKinds)[number];

/** Who is at an end, by what it is and not by its address. The names are local: they never leave the cluster. */
export type FlowEnd = Readonly<{
  kind: EndKind;
  /** Empty where the source does not say. */
  namespace: string;
  /** Of `workload`: its name without what a replica adds. Else what tells it apart, such as "remote-node", or empty. */
  workload: string;
}>;

export const flowProtocols = ['tcp', 'udp', 'icmp', 'other'] as const;
export type FlowProtocol = (typeof flowProtocols)[number];

export const verdicts = ['forwarded', 'dropped', 'error', 'audit', 'unknown'] as const;
export type Verdict = (typeof verdicts)[number];

export const statusClasses = ['none', 'ok', 'redirect', 'client-error', 'server-error'] as const;
export type StatusClass = (typeof statusClasses)[number];

/** What kind of call a request is, the same word in every cluster. */
export const apiClasses = ['http-read', 'http-write', 'http-delete', 'http-other', 'grpc', 'dns', 'other'] as const;
export type ApiClass = (typeof apiClasses)[number];

/** One message of the seventh layer. */
export type FlowL7 = Readonly<{
  /** One exchange is often seen twice, as request and as response: they are counted once. `exchange`: seen as a whole. */
  phase: 'request' | 'response' | 'exchange';
  apiClass: ApiClass;
  /** Upper case, as sent; empty for DNS. */
  method: string;
  /** Path with its variable parts folded ("/users/{}"), gRPC's "/package.Service/Method", DNS's query type. Local. */
  route: string;
  status: StatusClass;
}>;

/** Amounts of one flow, from source to destination and back. Absent where the source counts nothing, as Hubble. */
export type FlowVolume = Readonly<{
  bytesOut: number;
  bytesIn: number;
  packetsOut: number;
  packetsIn: number;
  durationMs: number;
}>;

/** A flow as a sensor saw it, in the direction of what was seen: a reply's source is the server. */
export type ObservedFlow = Readonly<{
  /** Epoch milliseconds by the node's clock: when it was seen, or when it began where the source says when it ended. */
  atMs: number;
  /**
   * When it ended, where the source says so: whoever meters connections writes them down then. It counts there, and what
   * was carried is shared out over the time since `atMs`. Absent: at `atMs`.
   */
  endMs?: number;
  /** The node that saw it; empty where the source does not say. */
  node: string;
  /** Same id, same observation: for leaving out repeats. Empty: the source cannot repeat itself. */
  id: string;
  source: FlowEnd;
  destination: FlowEnd;
  /** 0 where there is none. */
  sourcePort: number;
  destinationPort: number;
  protocol: FlowProtocol;
  /** Whether it goes from who was asked to who asked. undefined: not said; direction.ts then judges by the ports. */
  isReply: boolean | undefined;
  /** A connection between two nodes is seen at both; the sightings at each end are counted by themselves. */
  seenAt: 'client' | 'server' | 'unknown';
  verdict: Verdict;
  /** What the source says beside the verdict, in its own words: "POLICY_DENIED", "REDIRECTED", "REJECT". Usually absent. */
  verdictReason?: string;
  l7: FlowL7 | undefined;
  /** The request as it was sent, where the source has it: of exchanges and responses. */
  request?: ApiRequest;
  /** Flows that this stands for: 1, or what an already aggregated source says. 0: a part of one that counts elsewhere. */
  count: number;
  volume: FlowVolume | undefined;
  /** What the data set calls it, "normal" or a kind of attack: for evaluation, never for a detector. Usually absent. */
  label?: string;
}>;

/** When a flow was over and known of. */
export function endOfFlow({ atMs, endMs = atMs }: ObservedFlow): number {
  return endMs > atMs ? endMs : atMs;
}

/** Stands for every port that was given out for one connection. */
export const foldedPort = 65_536;
/** Stands for all the ports of a pair that used too many to tell them apart: a scan. */
export const manyPorts = 65_537;

/** Names an end in maps: equal ends, equal keys. */
export function endKey({ kind, namespace, workload }: FlowEnd): string {
  return `${kind} ${namespace}/${workload}`;
}
