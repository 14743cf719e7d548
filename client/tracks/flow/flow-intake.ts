import { instantText } from '../../../base/text/instant-text.ts';
import type { EpochMs } from '../../../base/time.ts';
import { endKey, type FlowEnd } from '../../events/flow-record.ts';
import type { Intake, IntakeSource, SourceIntake } from '../../events/intake.ts';
import type { SourceItem } from '../../events/source-item.ts';
import type { Surroundings } from '../track-kind.ts';
import type { NamedSlice } from './graph/slice.ts';
import { FlowSlicer, type SlicerEvent, type SlicerOptions } from './graph/slicer.ts';

/** After so long without a flow an interval closes by itself. */
const quietMs = 120_000;

/**
 * Flows of all live sources together, as windows: the same connection seen by two sensors is one. Each recording is put
 * together by itself, since its clock is of another time, and so is each source whose records come late: the others do
 * not wait for it.
 */
export class FlowIntake implements Intake<NamedSlice> {
  readonly #options: Partial<SlicerOptions>;
  readonly #signals: ConstructorParameters<typeof FlowSlicer>[1];
  readonly #live: Windows;
  /** Our epoch clock. */
  readonly #clock: () => EpochMs;

  constructor(
    surroundings: Surroundings,
    options: Partial<SlicerOptions> = {},
    clock: () => EpochMs = surroundings.now,
  ) {
    this.#options = options;
    this.#signals = ({ kind, namespace, workload }: FlowEnd) => {
      if (kind !== 'workload') return undefined;
      const risk = surroundings.riskOf('system calls', namespace, workload);
      const exposedBy = surroundings.exposedBy?.(namespace, workload);
      return {
        ...(risk !== undefined && { syscallScore: scoreOfRisk(risk) }),
        ...(exposedBy !== undefined && { exposedBy }),
      };
    };
    this.#live = this.#windows(options);
    this.#clock = clock;
  }

  from(source: IntakeSource): SourceIntake<NamedSlice> {
    const { recorded, delayMs } = source;
    if (recorded) {
      const options = { ...this.#options, sorted: true, partialWindows: true };
      return new FlowSourceIntake(source, this.#windows(options), undefined);
    }
    if (delayMs === undefined) return new FlowSourceIntake(source, this.#live, this.#clock);
    // When a record arrives says nothing about the clock of who made it.
    const options = { ...this.#options, latenessMs: delayMs };
    return new FlowSourceIntake(source, this.#windows(options), undefined);
  }

  #windows(options: Partial<SlicerOptions>): Windows {
    return { slicer: new FlowSlicer(options, this.#signals), lastPushMs: undefined, givers: new Set() };
  }
}

/**
 * The windows of one or more sources. One that is silent or ends closes none that others still add to: the rest of their
 * interval would be too late.
 */
type Windows = {
  readonly slicer: FlowSlicer;
  /** When the latest flow of any source came; undefined once everything is closed. */
  lastPushMs: number | undefined;
  /** Sources that gave flows and have not ended. */
  readonly givers: Set<object>;
};

/** A risk, 1 being the alarm threshold, as a score from 0 to 1. */
export function scoreOfRisk(risk: number): number {
  return risk > 0 ? risk / (1 + risk) : 0;
}

/** Its inverse. */
export function riskOfScore(score: number): number {
  return Math.max(0, score) / Math.max(1e-9, 1 - Math.min(1, score));
}

class FlowSourceIntake implements SourceIntake<NamedSlice> {
  readonly #source: IntakeSource;
  readonly #windows: Windows;
  readonly #clock: (() => number) | undefined;
  readonly #quietMs: number;
  /** The order number of the first flow behind each interval that time has reached: where a restart must read again. */
  #reached: { interval: number; order: number }[] = [];

  constructor(source: IntakeSource, windows: Windows, clock: (() => number) | undefined) {
    this.#source = source;
    this.#windows = windows;
    this.#clock = clock;
    this.#quietMs = Math.max(quietMs, source.delayMs ?? 0);
  }

  push(item: SourceItem, order: number, nowMs: number): readonly NamedSlice[] {
    if (item.kind !== 'flow') return [];
    const { slicer, givers } = this.#windows;
    givers.add(this);
    this.#windows.lastPushMs = nowMs;
    const events = slicer.push(item.flow, this.#clock?.());
    // By the slicer's time and not the flow's: a wrong clock must not hold the cursor back.
    const interval = slicer.latestInterval;
    const last = this.#reached.at(-1);
    if (interval !== undefined && last !== undefined && interval < last.interval) this.#reached = [];
    if (interval !== undefined && interval !== last?.interval) this.#reached.push({ interval, order });
    return this.#windowsOf(events);
  }

  expire(nowMs: number): readonly NamedSlice[] {
    const { slicer, lastPushMs } = this.#windows;
    if (lastPushMs === undefined || nowMs - lastPushMs < this.#quietMs) return [];
    this.#windows.lastPushMs = undefined;
    return this.#windowsOf(slicer.settle());
  }

  flush(): readonly NamedSlice[] {
    const { slicer, givers } = this.#windows;
    givers.delete(this);
    return givers.size > 0 ? [] : this.#windowsOf(slicer.flush());
  }

  oldest(): number | undefined {
    const needed = this.#windows.slicer.neededInterval;
    if (needed === undefined) return undefined;
    const first = this.#reached.findIndex(({ interval }) => interval >= needed);
    this.#reached.splice(0, first === -1 ? this.#reached.length - 1 : first);
    return first === -1 ? undefined : this.#reached[0]?.order;
  }

  #windowsOf(events: readonly SlicerEvent[]): NamedSlice[] {
    if (events.length === 0) return [];
    const windows: NamedSlice[] = [];
    const scans: Extract<SlicerEvent, { kind: 'scan' }>[] = [];
    for (const event of events) {
      switch (event.kind) {
        case 'slice':
          windows.push({ slice: event.slice, names: event.names });
          break;
        case 'skipped':
          this.#source.skipped(event.reason, 'flows', event.count);
          break;
        case 'scan':
          scans.push(event);
          break;
        case 'folded':
          this.#source.coarsened(folds[event.what], event.flows, `flows until ${instantText(event.endMs)}`);
      }
    }
    // One line however many pairs there are: whoever scans must not fill the log.
    if (scans.length > 0) this.#source.coarsened('PORT_SCAN', scans.length, scansText(scans));
    return windows;
  }
}

const folds = { workloads: 'WORKLOADS_FOLDED', edges: 'EDGES_FOLDED' } as const;

/** The widest scans by name; they stay in the cluster's own log. */
const scansNamed = 5;

function scansText(scans: readonly Extract<SlicerEvent, { kind: 'scan' }>[]): string {
  const widest = scans.toSorted((a, b) => b.ports - a.ports).slice(0, scansNamed);
  const said = widest.map(({ client, server, ports }) => `${endKey(client)} → ${endKey(server)}: ${ports} ports`);
  return [...said, ...(scans.length > scansNamed ? [`${scans.length - scansNamed} more pairs`] : [])].join('; ');
}
