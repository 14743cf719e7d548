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
 * restart.
 */
export async function* flowRecording(
  path: string,
  { layout, labels, signal }: FlowRecordingOptions,
): AsyncGenerator<FlowBatch<never>> {
  const isWanted = (item: FlowItem) =>
    item.kind !== 'flow' || item.flow.label === undefined || labels.includes(item.flow.label);
  for await (const items of sortedFlows(csvFlowRecording(path, layout))) {
    if (signal.aborted) return;
    const other: FlowItem = { kind: 'skipped', reason: 'OTHER_SPLIT', where: path };
    yield {
      items: items.every(isWanted) ? items : items.map((item) => (isWanted(item) ? item : other)),
      cursor: undefined,
    };
  }
}
