/**
 * What one cluster remembers of who calls whom, and never sends: in how many windows each pair was active, while both of
 * its workloads were there, and what the server was asked for. Old windows count ever less, by the time that was watched.
 */
import { endKey } from '../../../events/flow-record.ts';
import { portClasses, portClassOf } from '../../../events/port-class.ts';
import { refusedShareOf } from '../graph/refused-share.ts';
import type { NamedSlice } from '../graph/slice.ts';

export type MemoryLimits = Readonly<{
  /** Distinct workloads, and distinct services of pairs; the least used make room. */
  nodesMax: number;
  servicesMax: number;
  /** After this long a window counts half. */
  halfLifeMs: number;
}>;

const memoryDefaults: MemoryLimits = { nodesMax: 20_000, servicesMax: 200_000, halfLifeMs: 14 * 86_400_000 };

/**
 * So long at most is between two windows: what was learnt does not age while nobody watches, nor by a clock that was set. One
 * that had never been set before would else have everything be forgotten at once.
 */
const gapMaxMs = 86_400_000;

/** What the memory holds of one edge, in windows. */
export type Evidence = Readonly<{
  /** In which client called server. */
  pair: number;
  /** In which both were there: the chances that the pair had. */
  together: number;
  /** In which client asked server for this very service (protocol and port). */
  service: number;
  /** Summed over clients: all services that the server was asked for, and this one. */
  serverServices: number;
  serverService: number;
  /** Of the windows of `service`, how many were refused; of one whose flows were refused in part, that part. */
  refused: number;
}>;

export type MemoryRecord = Readonly<{
  /** The time that all weights are of. */
  atMs: number;
  windows: number;
  nodes: readonly (readonly [key: string, windows: number])[];
  /** client and server as places in `nodes`. */
  services: readonly (readonly [client: number, server: number, service: string, windows: number])[];
  pairs: readonly (readonly [client: number, server: number, windows: number])[];
  /** Of those services that were ever refused: the windows in which they were. Absent for none. */
  refused?: readonly (readonly [client: number, server: number, service: string, windows: number])[];
}>;

/** Names a service of a pair: "tcp/5432", or "tcp/per-connection" where ports of its class come and go. */
export function serviceOf(protocol: string, port: number): string {
  const names = serviceNames.get(protocol) ?? new Map<number, string>();
  serviceNames.set(protocol, names);
  let name = names.get(port);
  if (name === undefined) {
    const portClass = portClasses[portClassOf(port)] as string;
    name = `${protocol}/${passing.has(portClass) ? portClass : port}`;
    names.set(port, name);
  }
  return name;
}

/** The same text object for the same service: looking it up again costs no hashing. At most one for each port. */
const serviceNames = new Map<string, Map<number, string>>();

/** Classes whose single ports say nothing: passive FTP, ephemeral ports, scans. */
const passing: ReadonlySet<string> = new Set(['node-port', 'per-connection', 'many']);

export class PairMemory {
  readonly limits: MemoryLimits;
  /** Windows learnt, decayed. */
  #windows = 0;
  #atMs = Number.NaN;
  /** How long was watched so far, and by the end of each window that was learnt. */
  #watchedMs = 0;
  readonly #watchedAt = new Map<number, number>();
  readonly #nodes = new Map<string, number>();
  readonly #pairs = new Map<string, Map<string, number>>();
  /** Client to server to service. */
  readonly #services = new Map<string, Map<string, Map<string, number>>>();
  /** Server to service, over all clients. */
  readonly #served = new Map<string, Map<string, number>>();
  /** Server to all of them. */
  readonly #servedTotals = new Map<string, number>();
  /** Client to server to service: of its windows, those that were refused. Only what was. */
  readonly #refused = new Map<string, Map<string, Map<string, number>>>();
  #serviceCount = 0;

  constructor(limits: MemoryLimits = memoryDefaults) {
    this.limits = limits;
  }

  get windows(): number {
    return this.#windows;
  }

  /** The keys of the workloads that were ever seen, most recent last. */
  get nodes(): readonly string[] {
    return [...this.#nodes.keys()];
  }

  knows(node: string): boolean {
    return this.#nodes.has(node);
  }

  /** Pairs with their windows, [client, server, windows]. */
  *pairs(): Generator<readonly [string, string, number]> {
    for (const [client, servers] of this.#pairs) {
      for (const [server, windows] of servers) yield [client, server, windows];
    }
  }

  learn(named: NamedSlice): void {
    this.#decayTo(named.slice.endMs);
    this.#watchedAt.set(named.slice.endMs, this.#watchedMs);
    this.#change(named, 1);
    if (this.#nodes.size > this.limits.nodesMax || this.#serviceCount > this.limits.servicesMax) this.#makeRoom();
  }

  /**
   * Runs `use` as if this window had not been learnt; it must have been, since the memory was made. This is how a cluster
   * calibrates on the windows that it learnt from.
   */
  without<Result>(named: NamedSlice, use: () => Result): Result {
    const watchedMs = this.#watchedAt.get(named.slice.endMs) ?? this.#watchedMs;
    const weight = 2 ** ((watchedMs - this.#watchedMs) / this.limits.halfLifeMs);
    this.#change(named, -weight);
    try {
      return use();
    } finally {
      this.#change(named, weight);
    }
  }

  evidence(client: string, server: string, service: string): Evidence {
    const pair = this.#pairs.get(client)?.get(server) ?? 0;
    const services = this.#services.get(client)?.get(server);
    const served = this.#served.get(server);
    return {
      pair: atLeastZero(pair),
      together: atLeastZero(Math.min(this.#nodes.get(client) ?? 0, this.#nodes.get(server) ?? 0)),
      service: atLeastZero(services?.get(service) ?? 0),
      serverServices: atLeastZero(this.#servedTotals.get(server) ?? 0),
      serverService: atLeastZero(served?.get(service) ?? 0),
      refused: atLeastZero(this.#refused.get(client)?.get(server)?.get(service) ?? 0),
    };
  }

  record(): MemoryRecord {
    const places = new Map([...this.#nodes.keys()].map((key, place) => [key, place]));
    const at = (key: string) => places.get(key) as number;
    const listed = (by: ReadonlyMap<string, ReadonlyMap<string, ReadonlyMap<string, number>>>) =>
      [...by].flatMap(([client, servers]) =>
        [...servers].flatMap(([server, services]) =>
          [...services].map(([service, windows]) => [at(client), at(server), service, windows] as const),
        ),
      );
    return {
      atMs: this.#atMs,
      windows: this.#windows,
      nodes: [...this.#nodes],
      pairs: [...this.pairs()].map(([client, server, windows]) => [at(client), at(server), windows] as const),
      services: listed(this.#services),
      ...(this.#refused.size > 0 && { refused: listed(this.#refused) }),
    };
  }

  /** Throws a RangeError on a record that names a node it does not hold. */
  static fromRecord(record: MemoryRecord, limits: MemoryLimits = memoryDefaults): PairMemory {
    const memory = new PairMemory(limits);
    memory.#windows = record.windows;
    memory.#atMs = record.atMs;
    for (const [key, windows] of record.nodes) memory.#nodes.set(key, windows);
    const name = (place: number) => {
      const node = record.nodes[place];
      if (node === undefined) throw new RangeError(`pair memory: no node ${place} among ${record.nodes.length}`);
      return node[0];
    };
    for (const [client, server, windows] of record.pairs)
      add(inner(memory.#pairs, name(client)), name(server), windows);
    for (const [client, server, service, windows] of record.services) {
      memory.#addService(name(client), name(server), service, windows);
    }
    for (const [client, server, service, windows] of record.refused ?? []) {
      add(memory.#refusedOf(name(client), name(server)), service, windows);
    }
    return memory;
  }

  #change({ slice, names }: NamedSlice, weight: number): void {
    const keys = names.nodes.map(endKey);
    this.#windows += weight;
    for (const key of new Set(keys)) add(this.#nodes, key, weight);
    const seen = new Set<string>();
    for (let edge = 0; edge < slice.edgeCount; edge++) {
      const [client, server] = [slice.clients[edge] as number, slice.servers[edge] as number];
      const [from, to] = [keys[client] as string, keys[server] as string];
      const { protocol, port } = names.edges[edge] as NamedSlice['names']['edges'][number];
      const service = serviceOf(protocol, port);
      this.#addService(from, to, service, weight);
      const share = refusedShareOf(slice, edge);
      if (share > 0) add(this.#refusedOf(from, to), service, weight * share);
      if (seen.has(`${client} ${server}`)) continue;
      seen.add(`${client} ${server}`);
      add(inner(this.#pairs, from), to, weight);
    }
  }

  #addService(client: string, server: string, service: string, weight: number): void {
    const services = inner(inner(this.#services, client) as Map<string, Map<string, number>>, server);
    if (!services.has(service)) this.#serviceCount++;
    add(services, service, weight);
    add(inner(this.#served, server), service, weight);
    add(this.#servedTotals, server, weight);
  }

  #refusedOf(client: string, server: string): Map<string, number> {
    return inner(inner(this.#refused, client) as Map<string, Map<string, number>>, server);
  }

  #decayTo(atMs: number): void {
    if (Number.isNaN(this.#atMs)) this.#atMs = atMs;
    if (atMs <= this.#atMs) return; // A late window counts as much as one of now.
    const passedMs = Math.min(gapMaxMs, atMs - this.#atMs);
    const factor = 2 ** (-passedMs / this.limits.halfLifeMs);
    this.#atMs = atMs;
    this.#watchedMs += passedMs;
    this.#windows *= factor;
    scale(this.#nodes, factor);
    for (const servers of this.#pairs.values()) scale(servers, factor);
    for (const servers of this.#services.values()) for (const services of servers.values()) scale(services, factor);
    for (const servers of this.#refused.values()) for (const services of servers.values()) scale(services, factor);
    for (const services of this.#served.values()) scale(services, factor);
    scale(this.#servedTotals, factor);
  }

  /** Keeps the better used three quarters of the nodes and of the services. */
  #makeRoom(): void {
    const { nodesMax, servicesMax } = this.limits;
    const record = this.record();
    const nodes = record.nodes.toSorted((a, b) => b[1] - a[1]).slice(0, Math.floor(nodesMax * 0.75));
    const place = new Map(nodes.map(([key], at) => [key, at]));
    const moved = (at: number) => place.get((record.nodes[at] as readonly [string, number])[0]);
    const services = record.services
      .toSorted((a, b) => b[3] - a[3])
      .slice(0, Math.floor(servicesMax * 0.75))
      .flatMap(([client, server, service, windows]) => {
        const [from, to] = [moved(client), moved(server)];
        return from === undefined || to === undefined ? [] : [[from, to, service, windows] as const];
      });
    const kept = new Set(services.map(([client, server]) => `${client} ${server}`));
    const pairs = record.pairs.flatMap(([client, server, windows]) => {
      const [from, to] = [moved(client), moved(server)];
      return kept.has(`${from} ${to}`) ? [[from as number, to as number, windows] as const] : [];
    });
    const keptServices = new Set(services.map(([client, server, service]) => `${client} ${server} ${service}`));
    const refused = (record.refused ?? []).flatMap(([client, server, service, windows]) => {
      const [from, to] = [moved(client), moved(server)];
      return keptServices.has(`${from} ${to} ${service}`)
        ? [[from as number, to as number, service, windows] as const]
        : [];
    });
    const smaller = PairMemory.fromRecord({ ...record, nodes, pairs, services, refused }, this.limits);
    for (const [own, other] of [
      [this.#nodes, smaller.#nodes],
      [this.#pairs, smaller.#pairs],
      [this.#services, smaller.#services],
      [this.#served, smaller.#served],
      [this.#servedTotals, smaller.#servedTotals],
      [this.#refused, smaller.#refused],
    ] as [Map<string, unknown>, Map<string, unknown>][]) {
      own.clear();
      for (const [key, value] of other) own.set(key, value);
    }
    this.#serviceCount = services.length;
  }
}

/** Less than this is what rounding left of a window that was taken away. */
const crumb = 1e-9;

function atLeastZero(value: number): number {
  return value > crumb ? value : 0;
}

function add(counts: Map<string, number>, key: string, weight: number): void {
  counts.set(key, (counts.get(key) ?? 0) + weight);
}

function inner<Value>(outer: Map<string, Map<string, Value>>, key: string): Map<string, Value> {
  let found = outer.get(key);
  if (found === undefined) {
    found = new Map();
    outer.set(key, found);
  }
  return found;
}

function scale(counts: Map<string, number>, factor: number): void {
  for (const [key, value] of counts) counts.set(key, value * factor);
}
