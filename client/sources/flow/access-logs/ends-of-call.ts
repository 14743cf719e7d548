import type { FlowEnd } from '../../../events/flow-record.ts';
import { endpointOf, endpointWithPort, portOf } from '../../../recordings/address.ts';
import type { AddressBook } from '../../../recordings/address-book.ts';
import { endOfPod } from '../../../recordings/end-of-pod.ts';
import type { AccessLogLine } from './access-log-line.ts';

export type MeshLogOptions = Readonly<{
  /** Whose proxy writes the log; a collector's Kubernetes fields say it where they are there. */
  self: Readonly<{ namespace: string; workload: string }>;
  addresses: AddressBook;
}>;

/** Who called whom. */
export type Ends = Readonly<{
  client: FlowEnd;
  server: FlowEnd;
  port: number;
  seenAt: 'client' | 'server';
  /** Istio's own ways to refuse an egress. */
  isBlocked: boolean;
}>;

const addressesMax = 256;
const endsMax = 4_096;

/**
 * Tells the ends of calls. Envoy's cluster says where the proxy stood: "outbound|…" and "PassthroughCluster" at the client,
 * "inbound|…" at the server, "inbound-vip|…" before a service (an ambient waypoint). Where there was no cluster, the proxy's
 * own addresses do, as other lines gave them.
 */
export class EndsOfCalls {
  readonly #options: MeshLogOptions;
  /** Of the proxy itself. */
  readonly #own = new Set<string>();
  readonly #ends = new Map<string, FlowEnd>();

  constructor(options: MeshLogOptions) {
    this.#options = options;
  }

  of(line: AccessLogLine): Ends {
    const own = this.#self(line);
    // Istio ends the names of clusters that have one for statistics with a semicolon.
    const cluster = line.upstreamCluster.endsWith(';') ? line.upstreamCluster.slice(0, -1) : line.upstreamCluster;
    const [kind = '', port = '', , host = ''] = cluster.split('|', 4);
    if (isFrom('outbound', kind)) {
      this.#note(line.upstreamLocal);
      const server = this.#serviceOf(host, own.namespace) ?? this.#outside(line);
      return {
        client: own,
        server,
        port: portOf(port) ?? this.#reached(line).port,
        seenAt: 'client',
        isBlocked: false,
      };
    }
    if (kind === 'inbound-vip' || kind === 'inbound-pod') {
      const server = this.#serviceOf(host, own.namespace) ?? this.#addressed(line.upstreamHost);
      return this.#inbound(line, server, portOf(port) ?? 0);
    }
    if (isFrom('inbound', kind)) {
      this.#note(line.downstreamLocal);
      return this.#inbound(line, own, portOf(port) ?? 0);
    }
    if (kind.startsWith('InboundPassthroughCluster')) {
      this.#note(line.downstreamLocal);
      return this.#inbound(line, own, 0);
    }
    const isBlocked = kind === 'BlackHoleCluster' || line.route === 'block_all';
    if (isBlocked || kind === 'PassthroughCluster' || (kind === '-' && this.#isEgress(line))) {
      if (kind === 'PassthroughCluster') this.#note(line.upstreamLocal);
      const { port: reached } = this.#reached(line);
      // A route that answers by itself, as a redirect, refused nothing.
      const isRefused = isBlocked || (kind === '-' && !(line.status >= 200 && line.status < 400));
      return { client: own, server: this.#outside(line), port: reached, seenAt: 'client', isBlocked: isRefused };
    }
    return this.#inbound(line, own, 0);
  }

  /** Ends by name, so that equal names give the same object. */
  #self({ pod, namespace }: AccessLogLine): FlowEnd {
    const { self } = this.#options;
    return this.#remembered(`pod ${namespace} ${pod}`, () => {
      const workload = pod === '' ? self.workload : '';
      return endOfPod({ namespace: namespace || self.namespace, pod, workload, identity: 0, labels: [] });
    });
  }

  #serviceOf(host: string, ownNamespace: string): FlowEnd | undefined {
    return host === ''
      ? undefined
      : this.#remembered(`host ${host} ${ownNamespace}`, () => serviceOf(host, ownNamespace));
  }

  #remembered(name: string, make: () => FlowEnd): FlowEnd {
    const known = this.#ends.get(name);
    if (known !== undefined) return known;
    if (this.#ends.size >= endsMax) this.#ends.clear();
    const end = make();
    this.#ends.set(name, end);
    return end;
  }

  #inbound(line: AccessLogLine, server: FlowEnd, port: number): Ends {
    const served = port === 0 && line.downstreamLocal !== '' ? endpointOf(line.downstreamLocal).port : port;
    return { client: this.#addressed(line.downstreamRemote), server, port: served, seenAt: 'server', isBlocked: false };
  }

  /** Of a line without a cluster: who of the two is this proxy's workload? */
  #isEgress(line: AccessLogLine): boolean {
    const [local, remote] = [endpointOf(line.downstreamLocal), endpointOf(line.downstreamRemote)];
    if (line.route === 'allow_any') return true;
    if (this.#isOwn(remote.host)) return true;
    if (this.#isOwn(local.host)) return false;
    // No filter chain: that of the inbound listener. A policy of the mesh refuses at the server.
    if (/filter_chain_not_found|rbac/i.test(line.details) || this.#isWorld(remote.host)) return false;
    return local.isAddress;
  }

  #isOwn(address: string): boolean {
    if (this.#own.has(address)) return true;
    const { workload, namespace } = this.#options.self;
    const end = this.#options.addresses.endOf(address);
    return end?.workload === workload && end.namespace === namespace;
  }

  #isWorld(address: string): boolean {
    return this.#options.addresses.endOf(address)?.kind === 'world';
  }

  #note(text: string): void {
    if (text === '' || this.#own.has(text.slice(0, text.lastIndexOf(':')))) return;
    const { host, isAddress } = endpointOf(text);
    if (!isAddress || host.startsWith('127.') || host === '::1' || host === '::6') return;
    if (this.#own.size >= addressesMax) this.#own.clear();
    this.#own.add(host);
  }

  /** What was to be reached: the address that the caller asked for, where nothing was reached. */
  #reached(line: AccessLogLine) {
    const upstream = endpointOf(line.upstreamHost);
    return upstream.host === '' ? endpointOf(line.downstreamLocal) : upstream;
  }

  /** An end outside keeps its address: it is what an egress is about. The host alone is what the caller claims. */
  #outside(line: AccessLogLine): FlowEnd {
    const { host, isAddress } = this.#reached(line);
    const claimed = endpointOf(line.authority).host;
    const end = isAddress ? this.#options.addresses.endOf(host) : undefined;
    if (end !== undefined) return end.kind === 'world' && end.workload === '' ? { ...end, workload: host } : end;
    return { kind: 'world', namespace: '', workload: (host || claimed).slice(0, 253) };
  }

  #addressed(text: string): FlowEnd {
    const { addresses } = this.#options;
    const colon = text.indexOf(':');
    // Nearly every end: an IPv4 address and a port.
    const end = colon > 0 && colon === text.lastIndexOf(':') ? addresses.endOf(text.slice(0, colon)) : undefined;
    return (
      end ??
      addresses.endOf(endpointOf(text).host) ??
      addresses.endOf(endpointWithPort(text).host) ?? { kind: 'unknown', namespace: '', workload: '' }
    );
  }
}

/** "outbound|…", and "outbound_.80_._.…" at gateways between clusters. */
function isFrom(direction: string, kind: string): boolean {
  return kind === direction || kind.startsWith(`${direction}_.`);
}

/** "reviews.shop.svc.cluster.local" is reviews of shop; another name is outside of the cluster. */
function serviceOf(host: string, ownNamespace: string): FlowEnd {
  const [workload = '', namespace = ownNamespace, kind] = host.split('.', 3);
  if (kind === 'svc' || !host.includes('.')) return { kind: 'workload', namespace, workload };
  return { kind: 'world', namespace: '', workload: host.slice(0, 253) };
}
