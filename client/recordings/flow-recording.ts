import type { FlowBatch, FlowItem } from '../events/source-item.ts';
import { csvFlowRecording } from './csv-flow-file.ts';
import type { CsvFlowOptions } from './layouts/layout.ts';
import { sortedFlows } from './sorted-flows.ts';

export type FlowRecordingOptions = Readonly<{
  layout: CsvFlowOptions;
  /** Of the rows to learn from; rows without any are always. */
  labels: readonly string[];
  signal: AbortSignal;
}>;

/**
 * A recording of flows, to learn from, in the order in which they began. It has no positions: it is read again after a
 * restart. When `signal` ends it, it reads no further, and ends after a batch of what was read.
 */
export async function* flowRecording(
  path: string,
  { layout, labels, signal }: FlowRecordingOptions,
): AsyncGenerator<FlowBatch<never>> {
  const isWanted = (item: FlowItem) =>
    item.kind !== 'flow' || item.flow.label === undefined || labels.includes(item.flow.label);
  const other: FlowItem = { kind: 'skipped', reason: 'OTHER_SPLIT', where: path };
  let waiting: FlowItem[] = [];
  for await (const items of sortedFlows(csvFlowRecording(path, layout, signal))) {
    for (const item of items) waiting.push(isWanted(item) ? item : other);
    // What is no flow comes first, and whoever ends this hears one batch more: it is to tell of flows.
    if (signal.aborted && !items.some(({ kind }) => kind === 'flow')) continue;
    yield { items: waiting, cursor: undefined };
    if (signal.aborted) return;
    waiting = [];
  }
  if (waiting.length > 0) yield { items: waiting, cursor: undefined };
}
