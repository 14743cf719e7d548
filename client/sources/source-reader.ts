import type { SourceIntake } from '../events/intake.ts';
import type { SourceBatch, SourceItem } from '../events/source-item.ts';
import type { FilePosition } from '../recordings/file-follower.ts';

/** One track's part in a source. */
export type Lane<Observation = unknown> = Readonly<{
  intake: SourceIntake<Observation>;
  /** Resolves once they are where a crash does not lose them. Back-pressure: nothing is read meanwhile. */
  take(observations: readonly Observation[]): Promise<void>;
}>;

export type ReaderPorts = Readonly<{
  lanes: readonly Lane[];
  saveCursor(position: FilePosition): Promise<void>;
  count(item: SourceItem, nowMs: number): void;
  /** Everything of a batch was counted. */
  counted?(): void;
  nowMs(): number;
  /** How long observations may wait for others before they are handed on, milliseconds; 2,000 unless given. */
  handOnMs?: number | undefined;
}>;

/** What is counted, and is no event for any track. */
const untracked: ReadonlySet<SourceItem['kind']> = new Set(['skipped', 'repaired', 'lost', 'label']);

/** How many observations may wait for each other before they are handed on. */
const batchSize = 64;
const saveEveryMs = 2_000;
/** Items between two remembered positions. */
const startEvery = 256;

/**
 * Reads one source to its end or until it is stopped: every lane makes observations of the items, observations are handed
 * on, and the cursor follows behind the oldest item that is in no observation yet. After a crash the same items are read
 * again, none are missed. Throws what the source failed with, after everything that came before is handed on.
 */
export async function readSource(
  batches: AsyncIterable<SourceBatch<FilePosition>>,
  { lanes, saveCursor, count, counted, nowMs, handOnMs = saveEveryMs }: ReaderPorts,
  from?: FilePosition,
): Promise<void> {
  /** Where reading would go on from before each item that is still needed: order number to position. */
  const starts: { order: number; position: FilePosition }[] = [];
  const waiting = lanes.map((): unknown[] => []);
  let order = 0;
  let behind = from;
  let savedAtMs = nowMs();
  let handedOnAtMs = savedAtMs;

  const handOn = async () => {
    handedOnAtMs = nowMs();
    for (const [index, { take }] of lanes.entries()) {
      const observations = waiting[index] ?? [];
      if (observations.length === 0) continue;
      waiting[index] = [];
      await take(observations);
    }
  };
  const collect = (observe: (lane: Lane) => readonly unknown[]) => {
    for (const [index, lane] of lanes.entries()) waiting[index]?.push(...observe(lane));
  };
  const oldest = () => {
    const orders = lanes.map(({ intake }) => intake.oldest()).filter((one) => one !== undefined);
    return orders.length === 0 ? undefined : Math.min(...orders);
  };
  const save = async () => {
    savedAtMs = nowMs();
    const needed = oldest();
    if (needed === undefined) {
      starts.length = 0;
      if (behind !== undefined) await saveCursor(behind);
      return;
    }
    while ((starts[1]?.order ?? Number.POSITIVE_INFINITY) <= needed) starts.shift();
    const [start] = starts;
    if (start !== undefined && start.order <= needed) await saveCursor(start.position);
  };

  let failure: { error: unknown } | undefined;
  const read = untilFailure(batches, (error) => {
    failure = { error };
  });
  for await (const { items, cursor } of read) {
    const readMs = nowMs();
    for (const item of items) {
      order += 1;
      count(item, readMs);
      if (untracked.has(item.kind)) continue;
      // One position for many items: the cursor may lag behind by so much, not more.
      if (behind !== undefined && order - (starts.at(-1)?.order ?? Number.NEGATIVE_INFINITY) >= startEvery) {
        starts.push({ order, position: behind });
      }
      for (const [index, { intake }] of lanes.entries()) {
        const made = intake.push(item, order, readMs);
        if (made.length > 0) waiting[index]?.push(...made);
      }
    }
    counted?.();
    if (cursor !== undefined) behind = cursor;
    const isIdle = items.length === 0 && cursor === undefined;
    const now = nowMs();
    collect(({ intake }) => intake.expire(now));
    if (isIdle || now - handedOnAtMs >= handOnMs || waiting.some(({ length }) => length >= batchSize)) await handOn();
    if (nowMs() - savedAtMs >= saveEveryMs) {
      await handOn();
      await save();
    }
  }
  // The source ended or failed, or the client stops: what is open is handed on as it is, and not read again.
  collect(({ intake }) => intake.flush());
  await handOn();
  await save();
  if (failure !== undefined) throw failure.error;
}

/** A source's own failure ends it; what fails in handing its items on is thrown where that is done. */
async function* untilFailure<Batch>(batches: AsyncIterable<Batch>, onFailure: (error: unknown) => void) {
  try {
    yield* batches;
  } catch (error) {
    onFailure(error);
  }
}
