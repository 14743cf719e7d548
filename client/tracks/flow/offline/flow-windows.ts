import { ok, type Result, refuse } from '../../../../base/fault.ts';
import { endOfFlow, type ObservedFlow } from '../../../events/flow-record.ts';
import { AddressBook } from '../../../recordings/address-book.ts';
import { csvFlowRecording } from '../../../recordings/csv-flow-file.ts';
import { sortedFlows } from '../../../recordings/sorted-flows.ts';
import { keepEdges } from '../flow-example.ts';
import type { NamedSlice } from '../graph/slice.ts';
import { FlowSlicer, type SlicerEvent } from '../graph/slicer.ts';

export type FlowFileOptions = Readonly<{
  /** Length of a window, milliseconds; windows do not overlap, so that each flow is judged once. */
  windowMs: number;
  /** Only rows of this cluster or application, where a file holds several. */
  part?: string | undefined;
  /** Hears each window as it closes, and the flows that were over by then and not before, in the order of their ends. */
  onWindow?: ((window: NamedSlice, ended: readonly ObservedFlow[]) => void) | undefined;
}>;

export type FlowFile = Readonly<{
  windows: readonly NamedSlice[];
  flows: number;
  /** Passed over, by reason. */
  skipped: Readonly<Record<string, number>>;
  /** Pairs that used too many ports to tell apart. */
  scans: number;
  /** Reading ended with this error; what came before it is in the windows. */
  broken?: string;
}>;

/** Whether a label names an attack: what changed on purpose is none. */
export function isHostile(label: string | undefined): boolean {
  return label !== undefined && label !== '' && label !== 'normal' && label !== 'drift';
}

/** What of a window may be learnt: its edges without a label of an attack; undefined where there are none. */
export function normalPart(window: NamedSlice): NamedSlice | undefined {
  const isNormal = (edge: number) => !(window.names.edges[edge]?.labels ?? []).some(isHostile);
  const part = keepEdges(window, isNormal);
  return part.slice.edgeCount === 0 ? undefined : part;
}

export type FlowFileFaultCode = 'INPUT_UNREADABLE';

/**
 * The windows of a recorded file of flows (CSV with a header that names its layout, plain or gzip), in order of time
 * whatever the file's order is: nothing in it is too late.
 */
export async function readFlowWindows(
  path: string,
  { windowMs, part, onWindow }: FlowFileOptions,
): Promise<Result<FlowFile, FlowFileFaultCode>> {
  const slicer = new FlowSlicer({ intervalMs: windowMs, windowIntervals: 1, sorted: true, partialWindows: true });
  const windows: NamedSlice[] = [];
  const skipped: Record<string, number> = {};
  const skip = (reason: string, count = 1) => {
    skipped[reason] = (skipped[reason] ?? 0) + count;
  };
  let [flows, scans] = [0, 0];
  let running: ObservedFlow[] = [];
  const close = (window: NamedSlice) => {
    windows.push(window);
    if (onWindow === undefined) return;
    const isOver = (flow: ObservedFlow) => endOfFlow(flow) < window.slice.endMs;
    const ended = running.filter(isOver).sort((a, b) => endOfFlow(a) - endOfFlow(b));
    running = running.filter((flow) => !isOver(flow));
    onWindow(window, ended);
  };
  const take = (events: readonly SlicerEvent[]) => {
    for (const event of events) {
      if (event.kind === 'slice') close({ slice: event.slice, names: event.names });
      else if (event.kind === 'skipped') skip(event.reason, event.count);
      else if (event.kind === 'scan') scans++;
    }
  };
  let broken: string | undefined;
  try {
    for await (const items of sortedFlows(csvFlowRecording(path, { addresses: new AddressBook(), part }))) {
      for (const item of items) {
        if (item.kind === 'flow') {
          flows++;
          take(slicer.push(item.flow));
          if (onWindow !== undefined) running.push(item.flow);
        } else if (item.kind === 'skipped') skip(item.reason);
      }
    }
  } catch (error) {
    broken = error instanceof Error ? error.message : String(error);
    if (flows === 0) return refuse('INPUT_UNREADABLE', `${path}: ${broken}`);
  }
  take(slicer.flush());
  return ok({ windows, flows, skipped, scans, ...(broken !== undefined && { broken }) });
}
