import { FaultError } from '../../base/fault.ts';
import type { SourceBatch, SourceItem } from '../events/source-item.ts';
import { pieceCallsMax } from '../events/trace.ts';
import type { Abi } from '../events/vocabulary.ts';
import { readTraceFile } from '../recordings/trace-file.ts';

export type TraceFileSourceOptions = Readonly<{
  /** Lines of these splits are yielded, the others counted as skipped. */
  splits: readonly string[];
  abi: Abi;
  signal: AbortSignal;
}>;

/** Recorded traces as items, long ones in pieces. Throws a FaultError where the file ends before its end. */
export async function* traceFileSource(
  path: string,
  { splits, abi, signal }: TraceFileSourceOptions,
): AsyncGenerator<SourceBatch<never>> {
  for await (const item of readTraceFile(path, { abi, signal })) {
    if (signal.aborted) return;
    if (item.kind === 'broken') throw new FaultError(item.fault);
    const where = `${path}:${item.line}`;
    if (item.kind === 'malformed') {
      yield { items: [{ kind: 'skipped', reason: 'MALFORMED_LINE', where }], cursor: undefined };
      continue;
    }
    const { split, service, name, calls } = item.trace;
    const items: SourceItem[] = [];
    if (!splits.includes(split)) items.push({ kind: 'skipped', reason: 'OTHER_SPLIT', where });
    else if (calls.length === 0) items.push({ kind: 'skipped', reason: 'NOT_A_CALL', where });
    else {
      for (let start = 0; start < calls.length; start += pieceCallsMax) {
        const piece = calls.slice(start, start + pieceCallsMax);
        items.push({ kind: 'trace', name, workloadClass: service, calls: piece });
      }
    }
    yield { items, cursor: undefined };
  }
}
