import type { FilePosition } from './file-follower.ts';
import type { SourceBatch, SourceItem } from './source-item.ts';
import { type AssembledTrace, TraceAssembler } from './trace-assembler.ts';

export type ReaderPorts = Readonly<{
  /** Takes traces; resolves once they are where a crash does not lose them. Back-pressure: nothing is read meanwhile. */
  take(traces: readonly AssembledTrace[]): Promise<void>;
  saveCursor(position: FilePosition): Promise<void>;
  count(item: SourceItem): void;
  nowMs(): number;
}>;

/** How many traces may wait for each other before they are handed on. */
const batchTraces = 64;
const saveEveryMs = 2_000;
/** Items between two remembered positions. */
const startEvery = 256;
/** A source's clock that goes back further than this between two calls of one thread is reported. */
const clockJumpMs = 60_000;

/**
 * Reads one source to its end or until it is stopped: items become traces, traces are handed on, and the cursor follows
 * behind the oldest call that was not. After a crash the same calls are read again, none are missed.
 */
export async function readSource(
  batches: AsyncIterable<SourceBatch<FilePosition>>,
  ports: ReaderPorts,
  from?: FilePosition,
  assembler = new TraceAssembler(),
): Promise<void> {
  /** Where reading would go on from before each item that is still needed: order number to position. */
  const starts: { order: number; position: FilePosition }[] = [];
  const lastMs = new Map<string, number>();
  let waiting: AssembledTrace[] = [];
  let order = 0;
  let behind = from;
  let savedAtMs = ports.nowMs();

  const handOn = async () => {
    if (waiting.length === 0) return;
    const traces = waiting;
    waiting = [];
    await ports.take(traces);
  };
  const save = async () => {
    savedAtMs = ports.nowMs();
    const oldest = assembler.oldest();
    if (oldest === undefined) {
      starts.length = 0;
      if (behind !== undefined) await ports.saveCursor(behind);
      return;
    }
    while ((starts[1]?.order ?? Number.POSITIVE_INFINITY) <= oldest) starts.shift();
    const [start] = starts;
    if (start !== undefined && start.order <= oldest) await ports.saveCursor(start.position);
  };

  for await (const { items, cursor } of batches) {
    for (const item of items) {
      order += 1;
      ports.count(item);
      if (item.kind === 'call') {
        // One position for many items: the cursor may lag behind by so much, not more.
        if (behind !== undefined && order - (starts.at(-1)?.order ?? Number.NEGATIVE_INFINITY) >= startEvery) {
          starts.push({ order, position: behind });
        }
        const before = lastMs.get(item.thread);
        if (before !== undefined && item.atMs !== 0 && before - item.atMs > clockJumpMs) {
          ports.count({ kind: 'skipped', reason: 'CLOCK_JUMP', where: item.thread });
        }
        lastMs.set(item.thread, item.atMs);
        waiting.push(...assembler.push(item, order, ports.nowMs()));
      } else if (item.kind === 'end') {
        lastMs.delete(item.thread);
        waiting.push(...assembler.end(item.thread));
      }
    }
    if (cursor !== undefined) behind = cursor;
    const isIdle = items.length === 0 && cursor === undefined;
    waiting.push(...assembler.expire(ports.nowMs()));
    if (lastMs.size > 2 * assembler.openCount + 1_000) lastMs.clear();
    if (isIdle || waiting.length >= batchTraces) await handOn();
    if (ports.nowMs() - savedAtMs >= saveEveryMs) {
      await handOn();
      await save();
    }
  }
  // The source ended, or the client stops: what is open is handed on as it is, and not read again.
  waiting.push(...assembler.flush());
  await handOn();
  await save();
}
