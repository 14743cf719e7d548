import type { FlowVolume, ObservedFlow } from '../../../events/flow-record.ts';

/** A flow and the intervals that it counts in. */
export type SpanningFlow = Readonly<{
  flow: ObservedFlow;
  /** By the slicer's clock. */
  startMs: number;
  endMs: number;
  first: number;
  /** The interval in which it ended. */
  last: number;
}>;

/**
 * What an interval gets of a flow. The flow itself counts in its last interval; what it carried is shared out by time,
 * so that all parts together carry exactly what the flow did. The first part also gets what was carried before.
 */
export function partIn({ flow, startMs, endMs, first, last }: SpanningFlow, interval: number, intervalMs: number) {
  const fromMs = interval === first ? startMs : interval * intervalMs;
  const toMs = interval === last ? endMs : (interval + 1) * intervalMs;
  const { volume } = flow;
  if (first === last || volume === undefined) return { part: flow, fromMs, toMs };
  const [from, to] = [(fromMs - startMs) / (endMs - startMs), (toMs - startMs) / (endMs - startMs)];
  const part: ObservedFlow = {
    ...flow,
    count: interval === last ? flow.count : 0,
    l7: interval === last ? flow.l7 : undefined,
    volume: shareOf(volume, from, to),
  };
  return { part, fromMs, toMs };
}

/** Whole numbers, rounded at both edges of the share: neighbouring shares neither lose nor gain. Durations: microseconds. */
function shareOf(volume: FlowVolume, from: number, to: number): FlowVolume {
  const share = (amount: number) => Math.round(amount * to) - Math.round(amount * from);
  return {
    bytesOut: share(volume.bytesOut),
    bytesIn: share(volume.bytesIn),
    packetsOut: share(volume.packetsOut),
    packetsIn: share(volume.packetsIn),
    durationMs: share(volume.durationMs * 1_000) / 1_000,
  };
}

/** Flows of sorted input that have parts in intervals to come, by the next of these. Holds those that are open at a time. */
export class OpenFlows {
  readonly #waiting = new Map<number, SpanningFlow[]>();

  hold(interval: number, flow: SpanningFlow): void {
    const others = this.#waiting.get(interval);
    if (others === undefined) this.#waiting.set(interval, [flow]);
    else others.push(flow);
  }

  /** Those with a part in this interval; they are held no longer. */
  take(interval: number): readonly SpanningFlow[] {
    const flows = this.#waiting.get(interval) ?? [];
    this.#waiting.delete(interval);
    return flows;
  }

  /** The next interval that gets anything; undefined: none. */
  get next(): number | undefined {
    let next: number | undefined;
    for (const interval of this.#waiting.keys()) if (next === undefined || interval < next) next = interval;
    return next;
  }
}
