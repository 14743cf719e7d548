import { startThread, type ThreadLink } from '../../../base/thread-link.ts';
import { spans, type UpdateBlocks } from '../../blocks/blocks.ts';
import { type KernelTask, outputBytes, rowSumBytes, type Slot } from './kernel-task.ts';
import type { KernelRequest } from './kernel-worker.ts';

/** A block's answer, where its worker left it: valid until the consumer settles. */
export type BlockAnswer = Readonly<{
  offset: number;
  columns: number;
  buffer: SharedArrayBuffer;
  /** Address of the answer; its layout is `outputBytes`'s. */
  output: number;
  outputBytes: number;
}>;

/** Worker threads that make a pass over the columns of n updates, a block at a time. One pass at a time. */
export type KernelPool = Readonly<{
  workers: number;
  /**
   * source: float32 updates, or rows that are sums of such (`madeFrom`). Cuts d into blocks of `columns`, has each read and worked on by whichever thread's turn it is, and hands the answers
   * to `consume` in ascending order, one after another. What comes out does not depend on the number of threads.
   */
  walk(
    source: UpdateBlocks,
    task: KernelTask,
    columns: number,
    consume: (answer: BlockAnswer) => Promise<void> | void,
  ): Promise<void>;
  /** May be called twice. */
  close(): Promise<void>;
}>;

/** What all blocks in hand may take together: few threads work where rows are many, or 10,000 would not fit in 2 GiB. */
const blocksBytesMax = 384 * 2 ** 20;

export function startKernelPool(workers: number): KernelPool {
  if (!Number.isSafeInteger(workers) || workers < 1)
    throw new RangeError(`workers: expected 1 or more, got ${workers}`);
  let links: ThreadLink<KernelRequest>[] | undefined;
  let last: Promise<unknown> = Promise.resolve();

  return {
    workers,
    walk(source, task, columns, consume) {
      const pass = last.then(() => {
        if (links?.some((link) => link.ended())) links = undefined; // The pass that lost a thread failed; this one need not.
        links ??= Array.from({ length: workers }, () => startThread<KernelRequest>(workerFile));
        return walk(links, source, task, Math.min(columns, source.d), consume);
      });
      last = pass.catch(() => {}); // The caller hears of it; the next pass starts afresh.
      return pass;
    },
    async close() {
      await last;
      await Promise.all((links ?? []).map((link) => link.close()));
      links = undefined;
    },
  };
}

const workerFile = new URL('./kernel-worker.ts', import.meta.url);

type Place = Readonly<{ link: ThreadLink<KernelRequest>; slot: number; at: Slot; buffer: SharedArrayBuffer }>;

async function walk(
  links: readonly ThreadLink<KernelRequest>[],
  source: UpdateBlocks,
  task: KernelTask,
  columns: number,
  consume: (answer: BlockAnswer) => Promise<void> | void,
): Promise<void> {
  const { base, rowSums } = source.madeFrom ?? { base: source, rowSums: undefined };
  if (base.precision !== 'float32') throw new RangeError('kernels read stored float32 updates and sums of them');
  const { n, d, shared } = base;
  const blocks = Math.ceil(d / columns);
  const bytes = outputBytes(task, source.n, columns);
  const heldBytes = 4 * n * columns + bytes + (rowSums ? rowSumBytes(rowSums, columns) : 0);
  const inHand = Math.max(1, Math.floor(blocksBytesMax / heldBytes));
  const used = links.slice(0, Math.min(inHand, blocks));
  // A second block is read, or waits, while the first is worked on. One of products takes so long that its worker may as well
  // be idle until it hears of the next, where it reads that itself.
  const isLong = task.kind === 'products' && shared !== undefined;
  const slots = !isLong && Math.min(inHand, blocks) >= 2 * used.length ? 2 : 1;
  const places = await startAll(used, { task, n, rowSums, columns, slots, shared });
  const open: Promise<BlockAnswer>[] = [];
  try {
    let turn = 0;
    for (const [offset, count] of spans(d, columns)) {
      const place = places[turn++ % places.length] as Place;
      if (open.length === places.length) await consume(await (open.shift() as Promise<BlockAnswer>));
      if (shared === undefined)
        await base.read(offset, count, new Float32Array(place.buffer, place.at.input, n * count));
      const answer = answerOf(place, offset, count, bytes);
      answer.catch(() => {}); // It is heard in its turn; one that fails before would end the process.
      open.push(answer);
    }
    while (open.length > 0) await consume(await (open.shift() as Promise<BlockAnswer>));
  } finally {
    await Promise.allSettled(open);
    await Promise.allSettled(used.map((link) => link.ask({ kind: 'finish' })));
  }
}

async function startAll(
  links: readonly ThreadLink<KernelRequest>[],
  start: Extract<KernelRequest, { kind: 'start' }>['start'],
): Promise<Place[]> {
  const started = await Promise.all(
    links.map((link) => link.ask<{ buffer: SharedArrayBuffer; slots: Slot[] }>({ kind: 'start', start })),
  );
  // Slot by slot rather than worker by worker, so that neighbouring blocks are worked on at the same time.
  return Array.from({ length: start.slots }, (_, slot) =>
    started.map(({ buffer, slots }, worker) => {
      return { link: links[worker] as ThreadLink<KernelRequest>, slot, at: slots[slot] as Slot, buffer };
    }),
  ).flat();
}

async function answerOf(place: Place, offset: number, columns: number, bytes: number): Promise<BlockAnswer> {
  await place.link.ask({ kind: 'block', slot: place.slot, offset, columns });
  return { offset, columns, buffer: place.buffer, output: place.at.output, outputBytes: bytes };
}
