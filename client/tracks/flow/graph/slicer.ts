import { endOfFlow, type ObservedFlow } from '../../../events/flow-record.ts';
import type { SkipReason } from '../../../events/source-item.ts';
import { type EdgeBounds, EdgeTable, type Scan } from './edge-table.ts';
import { sliceOf } from './named-slice.ts';
import { NodeClocks } from './node-clocks.ts';
import { RecentIds } from './recent-ids.ts';
import type { NamedSlice, SignalsOf } from './slice.ts';
import { OpenFlows, partIn, type SpanningFlow } from './spanning-flow.ts';
import { TimeJumps } from './time-jumps.ts';

export type SlicerOptions = Readonly<
  EdgeBounds & {
    /** Flows are counted by intervals; each closed one gives a slice. */
    intervalMs: number;
    /** Intervals in a slice. */
    windowIntervals: number;
    /** How much earlier than the latest flow ended may a flow have ended that comes now, and still count. */
    latenessMs: number;
    /** Flows come in the order in which they began, as from a sorted file: none is late, and long ones are shared out exactly. */
    sorted: boolean;
    /** Clocks of nodes that differ by more are put right. */
    skewMs: number;
    /** A time further off than this must be confirmed by the flows after it. */
    jumpMs: number;
    /** How many ids are remembered to leave out repeats. */
    recentIds: number;
    /** Also give slices before the first window is full, and at the end. For recordings; in life they would look odd. */
    partialWindows: boolean;
  }
>;

const defaultSlicerOptions: SlicerOptions = {
  intervalMs: 60_000,
  windowIntervals: 5,
  latenessMs: 15_000,
  sorted: false,
  skewMs: 2_000,
  jumpMs: 3_600_000,
  recentIds: 65_536,
  nodesMax: 8_192,
  edgesMax: 131_072,
  portsPerPairMax: 32,
  partialWindows: false,
};

/** What comes out of flows. */
export type SlicerEvent = Readonly<
  | ({ kind: 'slice' } & NamedSlice)
  | { kind: 'skipped'; reason: SkipReason; count: number }
  /** A pair used more ports than are told apart; they are counted as one edge from here on. */
  | ({ kind: 'scan'; startMs: number; endMs: number } & Scan)
  /** More workloads or edges than fit: flows that were counted under "folded". */
  | { kind: 'folded'; what: 'workloads' | 'edges'; flows: number; startMs: number; endMs: number }
>;

const nothing: readonly SlicerEvent[] = [];

/** What a Date can hold; beyond it whole numbers are not told apart. */
const timeMax = 8.64e15;
/** A flow is shared out over at most so many intervals: a week of minutes. */
const spanMax = 10_080;

/**
 * Flows in, slices out: a sliding window that moves by an interval, kept up to date by adding the interval that closed and
 * taking away the one that left. An interval closes when a flow is later than its end by `latenessMs`. A flow counts where it
 * ended; what it carried is shared out over the intervals since it began, as far as they are open.
 */
export class FlowSlicer {
  readonly #options: SlicerOptions;
  readonly #signalsOf: SignalsOf;
  readonly #clocks: NodeClocks;
  readonly #recent: RecentIds;
  readonly #jumps: TimeJumps;
  readonly #ring: number;
  #table: EdgeTable;
  /** The last closed interval; undefined before the first flow. */
  #closed: number | undefined;
  /** The interval of the first flow that came: neither it nor what is before it was seen as a whole. */
  #first: number | undefined;
  #latestMs = Number.NEGATIVE_INFINITY;
  #open = new OpenFlows();

  /** Throws where the options contradict each other. */
  constructor(options: Partial<SlicerOptions> = {}, signalsOf: SignalsOf = () => undefined) {
    this.#options = {
      ...defaultSlicerOptions,
      ...options,
      ...(options.sorted && { latenessMs: 0, jumpMs: Number.POSITIVE_INFINITY }),
    };
    const { intervalMs, windowIntervals, latenessMs, nodesMax, edgesMax, portsPerPairMax } = this.#options;
    const wrong = [
      [intervalMs >= 1, 'intervalMs: 1 or more'],
      [Number.isInteger(windowIntervals) && windowIntervals >= 1, 'windowIntervals: a whole number from 1'],
      [latenessMs >= 0, 'latenessMs: 0 or more'],
      [nodesMax >= 2 && nodesMax <= 65_000, 'nodesMax: 2 to 65000'],
      [edgesMax >= 1, 'edgesMax: 1 or more'],
      [portsPerPairMax >= 1, 'portsPerPairMax: 1 or more'],
    ].flatMap(([holds, says]) => (holds ? [] : [says]));
    if (wrong.length > 0) throw new RangeError(`slicer options: expected ${wrong.join('; ')}`);
    this.#signalsOf = signalsOf;
    this.#clocks = new NodeClocks(this.#options.skewMs);
    this.#recent = new RecentIds(this.#options.recentIds);
    this.#jumps = new TimeJumps(this.#options.jumpMs);
    this.#ring = windowIntervals + Math.ceil(latenessMs / intervalMs) + 2;
    this.#table = new EdgeTable(this.#options, this.#ring);
  }

  get edgeCount(): number {
    return this.#table.edgeCount;
  }

  get nodeCount(): number {
    return this.#table.nodes.size;
  }

  /** Nodes whose clocks are off by more than `skewMs`. */
  skews(): { node: string; skewMs: number }[] {
    return this.#clocks.skews();
  }

  /** The interval of the latest flow; undefined before any. */
  get latestInterval(): number | undefined {
    return this.#closed === undefined ? undefined : this.#intervalOf(this.#latestMs);
  }

  /** The interval with which a restart must begin, to have seen all of those of the next slice; undefined before any flow. */
  get neededInterval(): number | undefined {
    if (this.#closed === undefined || this.#first === undefined) return undefined;
    return Math.max(this.#first, this.#closed - this.#options.windowIntervals + 1);
  }

  /** Counts one flow. arrivedMs: our clock when it came, for live sources; without it times are taken as they are. */
  push(flow: ObservedFlow, arrivedMs?: number): readonly SlicerEvent[] {
    if (flow.id !== '' && this.#recent.has(flow.id)) return [skipped('REPEATED', 1)];
    const endMs = endOfFlow(flow);
    if (!(Math.abs(flow.atMs) <= timeMax && endMs <= timeMax)) return [skipped('BAD_TIME', 1)];
    const seenMs = this.#options.sorted ? flow.atMs : endMs;
    const atMs = arrivedMs === undefined ? seenMs : this.#clocks.corrected(flow.node, seenMs, arrivedMs);
    const { flows, refused, restarts } = this.#jumps.push(flow, atMs);
    // Nearly always one flow and nothing else.
    if (refused === 0 && !restarts && flows.length === 1) return this.#take(flow, atMs);
    const events: SlicerEvent[] = refused > 0 ? [skipped('CLOCK_JUMP', refused)] : [];
    if (restarts) events.push(...this.#restart());
    for (const held of flows) events.push(...this.#take(held.flow, held.atMs));
    return events;
  }

  /** Closes every interval that has flows: for a source that has been silent for long. */
  settle(): readonly SlicerEvent[] {
    return this.#closed === undefined ? nothing : this.#closeTo(this.#intervalOf(this.#latestMs));
  }

  /** The same at the end of the input, when nothing can contradict a jump of time any more. */
  flush(): readonly SlicerEvent[] {
    const { flows, restarts } = this.#jumps.end();
    const events: SlicerEvent[] = restarts ? this.#restart() : [];
    for (const held of flows) events.push(...this.#take(held.flow, held.atMs));
    events.push(...this.settle());
    for (let next = this.#open.next; next !== undefined; next = this.#open.next) events.push(...this.#closeTo(next));
    return events;
  }

  /** atMs: when it counts: when it ended, or in sorted input when it began. */
  #take(flow: ObservedFlow, atMs: number): readonly SlicerEvent[] {
    const { sorted, latenessMs } = this.#options;
    if (this.#closed === undefined) this.#closed = this.#intervalOf(atMs - latenessMs) - 1;
    let events = nothing;
    if (atMs > this.#latestMs) {
      this.#latestMs = atMs;
      const due = this.#intervalOf(atMs - latenessMs) - 1;
      if (due > this.#closed) events = this.#closeTo(due);
    }
    if (this.#intervalOf(atMs) <= this.#closed) return [...events, skipped('TOO_LATE', 1)];
    const lastedMs = endOfFlow(flow) - flow.atMs;
    const [startMs, endMs] = sorted ? [atMs, atMs + lastedMs] : [atMs - lastedMs, atMs];
    const last = this.#intervalOf(endMs);
    // What was carried in an interval that is closed counts in the first that is not.
    const first =
      flow.volume === undefined ? last : Math.max(this.#intervalOf(startMs), this.#closed + 1, last - spanMax + 1);
    if (first === last && (!sorted || last === this.#closed + 1)) {
      // Nearly every flow: in one interval, and that is open.
      this.#first ??= last;
      this.#table.add(flow, last, startMs, endMs);
    } else this.#count({ flow, startMs, endMs, first, last }, first);
    return events;
  }

  /** Counts the parts of a flow from an interval on; in sorted input those to come wait until time is there. */
  #count(flow: SpanningFlow, from: number): void {
    const { sorted, intervalMs } = this.#options;
    const until = sorted ? (this.#closed as number) + 1 : flow.last;
    let interval = from;
    for (; interval <= Math.min(flow.last, until); interval++) {
      const { part, fromMs, toMs } = partIn(flow, interval, intervalMs);
      this.#first ??= sorted ? interval : flow.last;
      this.#table.add(part, interval, fromMs, toMs);
    }
    if (interval <= flow.last) this.#open.hold(interval, flow);
  }

  #closeTo(last: number): SlicerEvent[] {
    const events: SlicerEvent[] = [];
    while ((this.#closed as number) < last) {
      const next = (this.#closed as number) + 1;
      for (const flow of this.#open.take(next)) this.#count(flow, next);
      if (this.#table.edgeCount === 0) {
        // Nothing until the next part of an open flow.
        this.#closed = Math.min(last, (this.#open.next ?? Number.POSITIVE_INFINITY) - 1);
        continue;
      }
      this.#closeOne(next, events);
    }
    return events;
  }

  #closeOne(interval: number, events: SlicerEvent[]): void {
    const { intervalMs, windowIntervals, partialWindows } = this.#options;
    const folded = this.#table.close(interval);
    this.#closed = interval;
    this.#table.drop(interval - windowIntervals);
    const span = { startMs: interval * intervalMs, endMs: (interval + 1) * intervalMs };
    for (const scan of folded.scans) events.push({ kind: 'scan', ...scan, ...span });
    const { flowsOfFurtherWorkloads, flowsOfFurtherEdges } = folded;
    if (flowsOfFurtherWorkloads > 0) {
      events.push({ kind: 'folded', what: 'workloads', flows: flowsOfFurtherWorkloads, ...span });
    }
    if (flowsOfFurtherEdges > 0) events.push({ kind: 'folded', what: 'edges', flows: flowsOfFurtherEdges, ...span });
    const isFull = this.#first !== undefined && interval - this.#first >= windowIntervals;
    if (!isFull && !partialWindows) return;
    const window = { from: interval - windowIntervals + 1, to: interval, intervalMs };
    const named = sliceOf(this.#table, window, this.#signalsOf);
    if (named.slice.edgeCount > 0) events.push({ kind: 'slice', ...named });
  }

  /** Time went back: what is open is closed, and counting begins anew. */
  #restart(): SlicerEvent[] {
    const events = [...this.settle()];
    this.#table = new EdgeTable(this.#options, this.#ring);
    this.#open = new OpenFlows();
    this.#closed = undefined;
    this.#first = undefined;
    this.#latestMs = Number.NEGATIVE_INFINITY;
    return events;
  }

  #intervalOf(atMs: number): number {
    return Math.floor(atMs / this.#options.intervalMs);
  }
}

function skipped(reason: SkipReason, count: number): SlicerEvent {
  return { kind: 'skipped', reason, count };
}
