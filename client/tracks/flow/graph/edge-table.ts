import { isReply } from '../../../events/direction.ts';
import {
  type FlowEnd,
  type FlowProtocol,
  flowProtocols,
  foldedPort,
  manyPorts,
  type ObservedFlow,
} from '../../../events/flow-record.ts';
import { isPerConnection } from '../../../events/port-class.ts';
import { counterCount, countFlow } from './edge-totals.ts';
import { IntervalRows, noNames, type Seen } from './interval-rows.ts';
import { NodeTable } from './node-table.ts';
import { PortSpread } from './port-spread.ts';

export type EdgeBounds = Readonly<{
  /** Workloads told apart at a time; at most 65,000. */
  nodesMax: number;
  edgesMax: number;
  /** Served ports told apart for one pair of workloads. */
  portsPerPairMax: number;
}>;

/** What cannot be summed and taken away again, over the rows of a window. */
export type Sightings = Readonly<{
  firstMs: number;
  lastMs: number;
  /** Sorted, at most 64. */
  routes: readonly string[];
  labels: readonly string[];
  /** What was said beside verdicts, at most 8; absent for nothing. */
  reasons?: readonly string[];
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
  /** Its row in each interval that is open or in the window, by the interval's number modulo their count; −1: none. */
  readonly rows: Int32Array;
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
  /** What each interval has, by its number modulo the ring. */
  readonly #intervals: readonly IntervalRows<Edge>[];
  /** What was folded, by open interval. */
  readonly #folded = new Map<number, Folding>();

  /** ring: how many intervals can be open or in the window at once. */
  constructor(bounds: EdgeBounds, ring: number) {
    this.#bounds = bounds;
    this.#ring = ring;
    this.nodes = new NodeTable(bounds.nodesMax);
    this.#spread = new PortSpread(bounds.portsPerPairMax);
    this.#intervals = Array.from({ length: ring }, () => new IntervalRows<Edge>());
  }

  get edgeCount(): number {
    return this.#edges.size;
  }

  /** Counts a flow, or a part of one, in an interval. It was seen from `firstMs` to `lastMs`. */
  add(flow: ObservedFlow, interval: number, firstMs: number, lastMs = firstMs): void {
    const reply = isReply(flow);
    const askedPort = reply ? flow.sourcePort : flow.destinationPort;
    const client = this.nodes.idOf(reply ? flow.destination : flow.source);
    const server = this.nodes.idOf(reply ? flow.source : flow.destination);
    if (this.#isFolded(flow, client, server)) this.#folding(interval).flowsOfFurtherWorkloads += flow.count;
    const edge = this.#edgeOf(client, server, flow, askedPort, interval);
    const slot = this.#slotOf(interval);
    const rows = this.#intervals[slot] as IntervalRows<Edge>;
    let row = edge.rows[slot] as number;
    if (row === -1) {
      row = rows.append(edge);
      edge.rows[slot] = row;
      edge.rowCount += 1;
    }
    countFlow(rows.counters, row * counterCount, flow, reply);
    const { l7, label, verdictReason } = flow;
    rows.see(
      row,
      firstMs,
      l7?.route ?? '',
      label === undefined || label === 'normal' ? '' : label,
      lastMs,
      verdictReason,
    );
  }

  /** Takes an interval into the window; says what it had too much of. */
  close(interval: number): Folded {
    const rows = this.#intervals[this.#slotOf(interval)] as IntervalRows<Edge>;
    for (const [row, edge] of rows.edges.entries()) {
      rows.addTo(edge.totals, row, 1);
      edge.activeIntervals += 1;
    }
    const { scans, ...counts } = this.#folding(interval);
    this.#folded.delete(interval);
    return { scans: [...scans.values()], ...counts };
  }

  /** Takes a closed interval out of the window, and forgets what was in no other. */
  drop(interval: number): void {
    const slot = this.#slotOf(interval);
    const rows = this.#intervals[slot] as IntervalRows<Edge>;
    for (const [row, edge] of rows.edges.entries()) {
      rows.addTo(edge.totals, row, -1);
      edge.activeIntervals -= 1;
      edge.rows[slot] = -1;
      edge.rowCount -= 1;
      if (edge.rowCount === 0) this.#remove(edge);
    }
    rows.clear();
  }

  /** Edges that were used in the window. */
  *inWindow(): Generator<Edge> {
    for (const edge of this.#edges.values()) if (edge.activeIntervals > 0) yield edge;
  }

  /** What the closed intervals from one to another have seen of an edge. */
  sightingsOf(edge: Edge, from: number, to: number): Sightings {
    const seen: Seen = {
      firstMs: Number.POSITIVE_INFINITY,
      lastMs: Number.NEGATIVE_INFINITY,
      routes: noNames,
      labels: noNames,
    };
    for (let interval = from; interval <= to; interval++) {
      const slot = this.#slotOf(interval);
      const row = edge.rows[slot] as number;
      if (row !== -1) this.#intervals[slot]?.collect(row, seen);
    }
    const { reasons, ...times } = seen;
    return {
      ...times,
      routes: [...seen.routes].sort(),
      labels: [...seen.labels].sort(),
      ...(reasons !== undefined && { reasons: [...reasons].sort() }),
    };
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
    const folds = this.nodes.endOf(client).kind === 'folded' || this.nodes.endOf(server).kind === 'folded';
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
    if (server !== client) this.nodes.freeUnheld(server);
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
      rows: new Int32Array(this.#ring).fill(-1),
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
