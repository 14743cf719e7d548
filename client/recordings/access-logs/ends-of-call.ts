import type { FlowEnd } from '../../events/flow-record.ts';
import { endpointOf, endpointWithPort, portOf } from '../address.ts';
import type { AddressBook } from '../address-book.ts';
import { endOfPod } from '../end-of-pod.ts';
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
 * own addresses do, as other lines gave them; so where a name is one that somebody else gave.
 */
export class EndsOfCalls {
  readonly #options: MeshLogOptions;
  /** Of the proxy itself. */
  readonly #own = new Set<string>();
  readonly #ends = new Map<string, FlowEnd>();

  constructor(options: MeshLogOptions) {
    this.#options = options;
  }

  /** Or why there are none: nothing tells which of the two called, one of them is no address, or the line is a tunnel's. */
  of(line: AccessLogLine): Ends | EndsUnknown {
    const own = this.#self(line);
    if (line.server !== '') return this.#named(line, own);
    // Istio adds the name that statistics use behind a semicolon, or nothing behind it.
    const [cluster = ''] = line.upstreamCluster.split(';', 1);
    if (tunnels.test(cluster)) return 'IGNORED_EVENT_TYPE';
    const [kind = '', port = '', , host = ''] = cluster.includes('|') ? cluster.split('|', 4) : partsOfSni(cluster);
    if (kind === 'outbound') {
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
      if (server === undefined) return 'BAD_FIELD';
      return this.#inbound(line, server, portOf(port) ?? 0);
    }
    if (kind === 'inbound') {
      this.#note(line.downstreamLocal);
      return this.#inbound(line, own, portOf(port) ?? 0);
    }
    if (kind.startsWith('InboundPassthroughCluster')) {
      this.#note(line.downstreamLocal);
      return this.#inbound(line, own, 0);
    }
    const isBlocked = kind.startsWith('BlackHoleCluster') || line.route === 'block_all';
    if (isBlocked) return this.#outbound(line, own, isBlocked);
    if (kind.startsWith('PassthroughCluster')) {
      this.#note(line.upstreamLocal);
      return this.#outbound(line, own, false);
    }
    if (kind === '-') {
      const direction = this.#direction(line) ?? (endpointOf(line.downstreamLocal).isAddress ? 'out' : 'in');
      // A route that answers by itself, as a redirect, refused nothing.
      const isRefused = !(line.status >= 200 && line.status < 400);
      return direction === 'out' ? this.#outbound(line, own, isRefused) : this.#inbound(line, own, 0);
    }
    // JSON may leave out what says nothing: then there was no cluster, and the addresses tell a refused egress.
    if (cluster === '' && this.#isEgress(line))
      return this.#outbound(line, own, !(line.status >= 200 && line.status < 400));
    if (cluster === '' || isOfGateway.test(cluster)) return this.#inbound(line, own, 0);
    return this.#ofOtherName(line, own, cluster);
  }

  /** Of a cluster whose name is not Istio's: Consul's names say where it is, others leave it to the addresses. */
  #ofOtherName(line: AccessLogLine, own: FlowEnd, cluster: string): Ends | EndsUnknown {
    const [, workload, namespace] = consulService.exec(cluster) ?? [];
    if (workload !== undefined && namespace !== undefined) {
      const server = this.#remembered(`consul ${namespace} ${workload}`, () => {
        return { kind: 'workload', namespace, workload };
      });
      return { ...this.#outbound(line, own, false), server };
    }
    const direction = this.#direction(line) ?? this.#directionByLoopback(line);
    if (direction === undefined) return 'DIRECTION_UNKNOWN';
    return direction === 'out' ? this.#outbound(line, own, false) : this.#inbound(line, own, 0);
  }

  /** Where the proxy names both workloads; a caller without a name is whoever has its address. */
  #named(line: AccessLogLine, { namespace }: FlowEnd): Ends {
    const named = (workload: string) =>
      this.#remembered(`named ${namespace} ${workload}`, () => ({ kind: 'workload', namespace, workload }));
    const addressed = this.#addressed(line.downstreamRemote) ?? { kind: 'unknown', namespace: '', workload: '' };
    const client = line.caller === '' ? addressed : named(line.caller);
    return { client, server: named(line.server), port: 0, seenAt: 'server', isBlocked: false };
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

  #inbound(line: AccessLogLine, server: FlowEnd, port: number): Ends | EndsUnknown {
    const served = port === 0 && line.downstreamLocal !== '' ? endpointOf(line.downstreamLocal).port : port;
    const client = this.#addressed(line.downstreamRemote);
    return client === undefined ? 'BAD_FIELD' : { client, server, port: served, seenAt: 'server', isBlocked: false };
  }

  #outbound(line: AccessLogLine, own: FlowEnd, isBlocked: boolean): Ends {
    return { client: own, server: this.#outside(line), port: this.#reached(line).port, seenAt: 'client', isBlocked };
  }

  /** Where the cluster does not tell: who of the two is this proxy's workload? undefined: the addresses do not tell. */
  #direction(line: AccessLogLine): Direction | undefined {
    const [local, remote] = [endpointOf(line.downstreamLocal), endpointOf(line.downstreamRemote)];
    if (line.route === 'allow_any') return 'out';
    if (this.#isOwn(remote.host)) return 'out';
    if (this.#isOwn(local.host)) return 'in';
    // No filter chain: that of the inbound listener. A policy of the mesh refuses at the server.
    if (/filter_chain_not_found|rbac/i.test(line.details) || this.#isWorld(remote.host)) return 'in';
    return undefined;
  }

  /** Its caller is the proxy's own workload, or somebody inside who asked for an address outside. */
  #isEgress(line: AccessLogLine): boolean {
    const [local, remote] = [endpointOf(line.downstreamLocal).host, endpointOf(line.downstreamRemote).host];
    if (local === '' || remote === '') return false;
    return this.#isOwn(remote) || (this.#isWorld(local) && !this.#isWorld(remote));
  }

  /** A caller on loopback is the proxy's own workload, and so is a server there. */
  #directionByLoopback(line: AccessLogLine): Direction | undefined {
    const [caller, server] = [endpointOf(line.downstreamRemote).host, endpointOf(line.upstreamHost).host];
    const isServed = isLoopback(server) || this.#isOwn(server);
    if (server === '' || caller === '' || isServed === isLoopback(caller)) return undefined;
    return isServed ? 'in' : 'out';
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
    if (!isAddress || isLoopback(host)) return;
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

  /** Who has an address. A name is nobody whom we know, nor is a Unix socket; undefined: neither of them. */
  #addressed(said: string): FlowEnd | undefined {
    const { addresses } = this.#options;
    // Of a list of who it was forwarded for, the nearest proxy wrote the last one, and the caller may have written the others.
    const text = said.slice(said.lastIndexOf(',') + 1).trim();
    const colon = text.indexOf(':');
    // Nearly every end: an IPv4 address and a port.
    const end = colon > 0 && colon === text.lastIndexOf(':') ? addresses.endOf(text.slice(0, colon)) : undefined;
    const found = end ?? addresses.endOf(endpointOf(text).host) ?? addresses.endOf(endpointWithPort(text).host);
    if (found !== undefined) return found;
    const { host } = endpointOf(text);
    if (host === '' || /^unix\b/.test(host)) return { kind: 'unknown', namespace: '', workload: '' };
    return hostName.test(host) ? { kind: 'unknown', namespace: '', workload: host } : undefined;
  }
}

type Direction = 'in' | 'out';

/** Envoy Gateway names its clusters after the route that leads to them: "httproute/shop/orders/rule/0". */
const isOfGateway = /^(?:http|grpc|tcp|tls|udp)route\//;

/**
 * Consul's names of upstreams, which are the names that TLS asks for: `[subset.]service.namespace.datacenter.internal.….consul`,
 * with the partition behind the namespace where it says `internal-v1`. What is in front of a tilde is how it is reached.
 */
const consulService =
  /^(?:[^.~]{1,256}~)*(?:[^.~]{1,63}\.)?([^.~]{1,63})\.([^.~]{1,63})\.(?:[^.]{1,63}\.internal|[^.]{1,63}\.[^.]{1,63}\.internal-v1)\.[^.]{1,63}\.consul$/;

/** Istio's sidecars call their workload from 127.0.0.6 and ::6. */
function isLoopback(host: string): boolean {
  return host.startsWith('127.') || host === '::1' || host === '::6';
}

/** Why a line has no ends. */
export type EndsUnknown = 'DIRECTION_UNKNOWN' | 'BAD_FIELD' | 'IGNORED_EVENT_TYPE';

/** Listeners within Envoy that carry calls of which each has a line of its own: a waypoint's and a gateway's tunnels. */
const tunnels = /^(?:main_internal|connect_originate|connect_terminate|inner_connect_originate|encap)$/;

/** Of a host, as DNS has them. */
const hostName = /^(?=.{1,253}$)(?=.*[a-z])[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?\.?$/i;

/** "outbound_.8080_.v1_.stock.shop.svc.cluster.local", as gateways between clusters spell "outbound|8080|v1|stock.…". */
function partsOfSni(cluster: string): readonly string[] {
  const [, direction, port, subset, host] =
    /^(outbound|inbound)_\.(\d{0,5})_\.([^|]{0,253}?)_\.(.{0,253})$/.exec(cluster) ?? [];
  return direction === undefined ? [cluster] : [direction, port ?? '', subset ?? '', host ?? ''];
}

/** "reviews.shop.svc.cluster.local" is reviews of shop; another name is outside of the cluster. */
function serviceOf(host: string, ownNamespace: string): FlowEnd {
  const [workload = '', namespace = ownNamespace, kind] = host.split('.', 3);
  if (kind === 'svc' || !host.includes('.')) return { kind: 'workload', namespace, workload };
  return { kind: 'world', namespace: '', workload: host.slice(0, 253) };
}
