import { isReply } from '../../../sources/flow/direction.ts';
import {
  type FlowEnd,
  type FlowProtocol,
  flowProtocols,
  foldedPort,
  manyPorts,
  type ObservedFlow,
} from '../../../sources/flow/flow-record.ts';
import { isPerConnection } from '../../../sources/flow/port-class.ts';
import { counterCount, countFlow } from './edge-totals.ts';
import { NodeTable } from './node-table.ts';
import { PortSpread } from './port-spread.ts';

export type EdgeBounds = Readonly<{
  /** Workloads told apart at a time; at most 65,000. */
  nodesMax: number;
  edgesMax: number;
  /** Served ports told apart for one pair of workloads. */
  portsPerPairMax: number;
}>;

/** Distinct routes and labels kept of an edge. */
const routesMax = 64;
const labelsMax = 8;

/** What one interval has of an edge. */
class IntervalRow {
  readonly counters = new Float64Array(counterCount);
  firstMs = Number.POSITIVE_INFINITY;
  lastMs = Number.NEGATIVE_INFINITY;
  routes: Set<string> | undefined;
  labels: Set<string> | undefined;

  clear(): void {
    this.counters.fill(0);
    this.firstMs = Number.POSITIVE_INFINITY;
    this.lastMs = Number.NEGATIVE_INFINITY;
    this.routes = undefined;
    this.labels = undefined;
  }
}

/** What cannot be summed and taken away again, over the rows of a window. */
export type Sightings = Readonly<{
  firstMs: number;
  lastMs: number;
  /** Sorted, at most `routesMax`. */
  routes: readonly string[];
  labels: readonly string[];
}>;

export type Edge = {
  readonly key: number;
  readonly pair: number;
  readonly client: number;
  readonly server: number;
  readonly protocol: FlowProtocol;
  readonly port: number;
  /** Sums of the closed intervals of the window. */
  readonly totals: Float64Array;
  /** One row for each interval that is open or in the window, by its number modulo their count. */
  readonly rows: (IntervalRow | undefined)[];
  rowCount: number;
  activeIntervals: number;
};

/** A pair that used more ports than are told apart. */
export type Scan = Readonly<{ client: FlowEnd; server: FlowEnd; ports: number }>;
/** What an interval had too much of. */
export type Folded = Readonly<{ scans: readonly Scan[]; flowsOfFurtherWorkloads: number; flowsOfFurtherEdges: number }>;
type Folding = { scans: Map<number, Scan>; flowsOfFurtherWorkloads: number; flowsOfFurtherEdges: number };

/**
 * The edges of a window and of the intervals after it that are still open: one row of counters for each edge and
 * interval, and their sums. Memory follows the distinct edges and is bounded; flows leave nothing behind but counts.
 */
export class EdgeTable {
  readonly nodes: NodeTable;
  readonly #bounds: EdgeBounds;
  readonly #ring: number;
  readonly #edges = new Map<number, Edge>();
  readonly #spread: PortSpread;
  /** Edges with a row in an interval, by its number modulo the ring. */
  readonly #touched: Edge[][];
  readonly #spareRows: IntervalRow[] = [];
  /** What was folded, by open interval. */
  readonly #folded = new Map<number, Folding>();

  /** ring: how many intervals can be open or in the window at once. */
  constructor(bounds: EdgeBounds, ring: number) {
    this.#bounds = bounds;
    this.#ring = ring;
    this.nodes = new NodeTable(bounds.nodesMax);
    this.#spread = new PortSpread(bounds.portsPerPairMax);
    this.#touched = Array.from({ length: ring }, () => []);
  }

  get edgeCount(): number {
    return this.#edges.size;
  }

  /** Counts a flow in an interval. */
  add(flow: ObservedFlow, interval: number, atMs: number): void {
    const reply = isReply(flow);
    const askedPort = reply ? flow.sourcePort : flow.destinationPort;
    const client = this.nodes.idOf(reply ? flow.destination : flow.source);
    const server = this.nodes.idOf(reply ? flow.source : flow.destination);
    if (this.#isFolded(flow, client, server)) this.#folding(interval).flowsOfFurtherWorkloads += flow.count;
    const edge = this.#edgeOf(client, server, flow, askedPort, interval);
    const slot = this.#slotOf(interval);
    let row = edge.rows[slot];
    if (row === undefined) {
      row = this.#spareRows.pop() ?? new IntervalRow();
      edge.rows[slot] = row;
      edge.rowCount += 1;
      (this.#touched[slot] as Edge[]).push(edge);
    }
    countFlow(row.counters, flow, reply);
    if (atMs < row.firstMs) row.firstMs = atMs;
    if (atMs > row.lastMs) row.lastMs = atMs;
    const { l7, label } = flow;
    if (l7 !== undefined && l7.route !== '') row.routes = withName(row.routes, l7.route, routesMax);
    if (label !== undefined && label !== 'normal') row.labels = withName(row.labels, label, labelsMax);
  }

  /** Takes an interval into the window; says what it had too much of. */
  close(interval: number): Folded {
    const slot = this.#slotOf(interval);
    for (const edge of this.#touched[slot] as Edge[]) {
      const { counters } = edge.rows[slot] as IntervalRow;
      for (let at = 0; at < counterCount; at++)
        edge.totals[at] = (edge.totals[at] as number) + (counters[at] as number);
      edge.activeIntervals += 1;
    }
    const { scans, ...counts } = this.#folding(interval);
    this.#folded.delete(interval);
    return { scans: [...scans.values()], ...counts };
  }

  /** Takes a closed interval out of the window, and forgets what was in no other. */
  drop(interval: number): void {
    const slot = this.#slotOf(interval);
    for (const edge of this.#touched[slot] as Edge[]) {
      const row = edge.rows[slot] as IntervalRow;
      const { counters } = row;
      for (let at = 0; at < counterCount; at++)
        edge.totals[at] = (edge.totals[at] as number) - (counters[at] as number);
      edge.activeIntervals -= 1;
      edge.rows[slot] = undefined;
      edge.rowCount -= 1;
      row.clear();
      // As many rows to spare as an interval of the largest graph may need at once.
      if (this.#spareRows.length < this.#edges.size) this.#spareRows.push(row);
      if (edge.rowCount === 0) this.#remove(edge);
    }
    this.#touched[slot] = [];
    if (this.#spareRows.length > this.#edges.size) this.#spareRows.length = this.#edges.size;
  }

  /** Edges that were used in the window. */
  *inWindow(): Generator<Edge> {
    for (const edge of this.#edges.values()) if (edge.activeIntervals > 0) yield edge;
  }

  /** What the closed intervals from one to another have seen of an edge. */
  sightingsOf(edge: Edge, from: number, to: number): Sightings {
    let [firstMs, lastMs] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    let routes: Set<string> | undefined;
    let labels: Set<string> | undefined;
    for (let interval = from; interval <= to; interval++) {
      const row = edge.rows[this.#slotOf(interval)];
      if (row === undefined) continue;
      firstMs = Math.min(firstMs, row.firstMs);
      lastMs = Math.max(lastMs, row.lastMs);
      for (const route of row.routes ?? none) routes = withName(routes, route, routesMax);
      for (const label of row.labels ?? none) labels = withName(labels, label, labelsMax);
    }
    return { firstMs, lastMs, routes: [...(routes ?? none)].sort(), labels: [...(labels ?? none)].sort() };
  }

  #slotOf(interval: number): number {
    // Recordings may begin at time 0, and what is before it is negative.
    return ((interval % this.#ring) + this.#ring) % this.#ring;
  }

  #folding(interval: number): Folding {
    let folding = this.#folded.get(interval);
    if (folding === undefined) {
      folding = { scans: new Map(), flowsOfFurtherWorkloads: 0, flowsOfFurtherEdges: 0 };
      this.#folded.set(interval, folding);
    }
    return folding;
  }

  /** Whether one of a flow's ends had to be folded. */
  #isFolded({ source, destination }: ObservedFlow, client: number, server: number): boolean {
    const folds = [client, server].some((id) => this.nodes.endOf(id).kind === 'folded');
    return folds && source.kind !== 'folded' && destination.kind !== 'folded';
  }

  #edgeOf(client: number, server: number, flow: ObservedFlow, askedPort: number, interval: number): Edge {
    const { protocol, count } = flow;
    const port = isPerConnection(askedPort) ? foldedPort : askedPort;
    const known = this.#edges.get(keyOf(client, server, protocol, port));
    if (known !== undefined) return known;
    const pair = client * 65_536 + server;
    if (this.#spread.isFull(pair)) {
      const ports = this.#spread.fold(pair, askedPort);
      this.#folding(interval).scans.set(pair, {
        client: this.nodes.endOf(client),
        server: this.nodes.endOf(server),
        ports,
      });
      return this.#knownOrNew(client, server, protocol, manyPorts);
    }
    if (this.#edges.size < this.#bounds.edgesMax) return this.#create(client, server, protocol, port);
    // Who asks stays visible; whom and where does not fit any more. At most one such edge for each client and protocol.
    this.#folding(interval).flowsOfFurtherEdges += count;
    this.nodes.freeUnheld(server);
    return this.#knownOrNew(client, this.nodes.foldedId, protocol, manyPorts);
  }

  #knownOrNew(client: number, server: number, protocol: FlowProtocol, port: number): Edge {
    return this.#edges.get(keyOf(client, server, protocol, port)) ?? this.#create(client, server, protocol, port);
  }

  #create(client: number, server: number, protocol: FlowProtocol, port: number): Edge {
    const edge: Edge = {
      key: keyOf(client, server, protocol, port),
      pair: client * 65_536 + server,
      client,
      server,
      protocol,
      port,
      totals: new Float64Array(counterCount),
      rows: new Array(this.#ring).fill(undefined),
      rowCount: 0,
      activeIntervals: 0,
    };
    this.#edges.set(edge.key, edge);
    this.nodes.hold(client);
    this.nodes.hold(server);
    this.#spread.addEdge(edge.pair);
    return edge;
  }

  #remove(edge: Edge): void {
    this.#edges.delete(edge.key);
    this.#spread.removeEdge(edge.pair);
    this.nodes.release(edge.client);
    this.nodes.release(edge.server);
  }
}

/** A whole number below 2^53 for each edge: 16 bits for each node, 2 for the protocol, 17 for the port. */
function keyOf(client: number, server: number, protocol: FlowProtocol, port: number): number {
  return ((client * 65_536 + server) * flowProtocols.length + flowProtocols.indexOf(protocol)) * 131_072 + port;
}

const none: readonly string[] = [];

function withName(names: Set<string> | undefined, name: string, max: number): Set<string> {
  if (names === undefined) return new Set([name]);
  return names.size < max ? names.add(name) : names;
}
