import { congruentialStates } from '../../base/random.ts';
import type { FlowEnd, ObservedFlow } from '../../client/events/flow-record.ts';

type Pair = Readonly<{ client: FlowEnd; server: FlowEnd; port: number; route: string }>;

const methods = ['GET', 'POST'] as const;

/**
 * A cluster's flows in the proportions of recorded ones: each workload calls a few others on one port, most of the
 * traffic on a few edges, a fifth of it replies, an eighth calls of the seventh layer, one name server asked by all, some
 * world. Deterministic: the same numbers give the same flows. `edges` distinct client-server pairs over `workloads`.
 */
export class FlowReplay {
  readonly #pairs: readonly Pair[];
  readonly #perSecond: number;
  readonly #states = congruentialStates(12_345);
  #count = 0;

  constructor(workloads: number, edges: number, perSecond: number) {
    const ends = Array.from({ length: workloads }, (_, i): FlowEnd => {
      return { kind: 'workload', namespace: `ns-${i % 20}`, workload: `service-${i}` };
    });
    const world: FlowEnd = { kind: 'world', namespace: '', workload: '' };
    const ports = [80, 8080, 5432, 6379, 9092, 50_051];
    const pairs = new Map<string, Pair>();
    // By draws and not by pairs: a pair that is drawn twice must not be drawn for ever.
    for (let draw = 0; pairs.size < edges; draw++) {
      const client = draw % 50 === 0 ? world : (ends[this.#next() % workloads] as FlowEnd);
      const at = draw % 10 === 1 ? 0 : this.#next() % workloads;
      const port = at === 0 ? 53 : (ports[at % ports.length] as number);
      const server = ends[at] as FlowEnd;
      pairs.set(`${client.workload} ${server.workload}`, { client, server, port, route: `/api/r${at % 7}/{}` });
    }
    this.#pairs = [...pairs.values()];
    this.#perSecond = perSecond;
  }

  next(): ObservedFlow {
    const index = this.#count;
    this.#count += 1;
    // Squaring puts most of the traffic on a few edges.
    const unit = this.#next() / 2 ** 31;
    const pair = this.#pairs[Math.floor(unit * unit * this.#pairs.length)] as Pair;
    const isReply = index % 5 === 4;
    const ephemeral = 32_768 + (this.#next() % 28_000);
    return {
      atMs: 1_700_000_000_000 + Math.floor((index * 1_000) / this.#perSecond),
      node: `node-${index % 20}`,
      id: '',
      source: isReply ? pair.server : pair.client,
      destination: isReply ? pair.client : pair.server,
      sourcePort: isReply ? pair.port : ephemeral,
      destinationPort: isReply ? ephemeral : pair.port,
      protocol: pair.port === 53 ? 'udp' : 'tcp',
      isReply,
      seenAt: index % 2 === 0 ? 'client' : 'server',
      verdict: index % 997 === 0 ? 'dropped' : 'forwarded',
      l7:
        index % 8 === 0
          ? {
              phase: 'exchange',
              apiClass: index % 16 === 0 ? 'http-read' : 'http-write',
              method: methods[(index / 8) % 2] as string,
              route: pair.route,
              status: 'ok',
            }
          : undefined,
      count: 1,
      volume: undefined,
    };
  }

  /** Uniform in [0, 2^31). Numerical Recipes' generator, its weak low bits mixed with its high ones. */
  #next(): number {
    const state = this.#states();
    return (state ^ (state >>> 15)) >>> 1;
  }
}

/** A flow as Hubble's exporter of Cilium 1.17 writes it. */
export function hubbleLineOf(flow: ObservedFlow, index: number): string {
  const { atMs, node, source, destination, sourcePort, destinationPort, protocol, isReply, seenAt, l7 } = flow;
  const end = ({ kind, namespace, workload }: FlowEnd, address: string) =>
    kind === 'world'
      ? { identity: 2, labels: ['reserved:world'] }
      : {
          ID: 1_000 + address.length,
          identity: 20_000 + workload.length,
          cluster_name: 'default',
          namespace,
          labels: [
            `k8s:app=${workload}`,
            'k8s:io.cilium.k8s.policy.cluster=default',
            `k8s:io.kubernetes.pod.namespace=${namespace}`,
          ],
          pod_name: `${workload}-7d9c5b8f6d-x2x4z`,
          workloads: [{ name: workload, kind: 'Deployment' }],
        };
  const time = new Date(atMs).toISOString().replace('Z', `${String(index % 1_000_000).padStart(6, '0')}Z`);
  const ports = { source_port: sourcePort, destination_port: destinationPort };
  const http = {
    code: 200,
    method: l7?.method,
    url: `http://svc${l7?.route.replace('{}', String(index))}`,
    protocol: 'HTTP/1.1',
  };
  const record = {
    flow: {
      time,
      uuid: `c6c4b0a9-3a4c-4c7e-8f5a-${index.toString(16).padStart(12, '0')}`,
      verdict: flow.verdict.toUpperCase(),
      ethernet: { source: '46:e5:ea:1f:95:ff', destination: 'd6:ec:b0:4a:ff:46' },
      IP: { source: '10.0.2.16', destination: '10.0.2.1', ipVersion: 'IPv4' },
      l4: protocol === 'udp' ? { UDP: ports } : { TCP: { ...ports, flags: { SYN: true } } },
      source: end(source, '10.0.2.16'),
      destination: end(destination, '10.0.2.1'),
      Type: l7 === undefined ? 'L3_L4' : 'L7',
      node_name: node,
      is_reply: isReply,
      event_type: { type: 4 },
      traffic_direction: seenAt === 'client' ? 'EGRESS' : 'INGRESS',
      trace_observation_point: 'TO_ENDPOINT',
      ...(l7 === undefined ? {} : { l7: { type: 'SAMPLE', http } }),
    },
    node_name: node,
    time,
  };
  return JSON.stringify(record);
}
