import { type Refused, type Result, refuse } from '../../../base/fault.ts';
import { LastingThread, type ThreadLink, ThreadLost } from '../../../base/thread-link.ts';
import { type EnvelopeRequest, ring, type SlotTaken } from './envelope-protocol.ts';
import type { Sealed, SealFaultCode, SealTarget } from './seal-writer.ts';
import type { Opened, OpenFileFaultCode, OpenFileJob, SealFileJob } from './sealed-file.ts';

export type WorkerFaultCode = 'WORKER_UNAVAILABLE';
type EnvelopeThread = LastingThread<EnvelopeRequest>;
type EnvelopeLink = ThreadLink<EnvelopeRequest>;

export type SealValuesJob = SealTarget &
  Readonly<{
    /** The delta, whole or in order in parts: context.plainBytes / 4 values. Left untouched; do not change meanwhile. */
    values: Float32Array | Iterable<Float32Array> | AsyncIterable<Float32Array>;
  }>;

/**
 * Seals and opens files off the event loop: jobs wait in order for one of `threads` threads (started when first needed,
 * started anew when lost). A thread holds two chunks whatever the size of the payload, and values pass to it through a
 * ring of 1 MiB, so nothing as large as a delta is copied. Idle threads do not keep the process alive. `close()` when done.
 */
export class EnvelopeWorker {
  readonly #threads: EnvelopeThread[];
  readonly #idle: EnvelopeThread[];
  readonly #waiting: ((thread: EnvelopeThread) => void)[] = [];
  readonly #running = new Set<Promise<unknown>>();
  #closing: Promise<void> | undefined;

  constructor({ threads = 1 }: { threads?: number } = {}) {
    if (!Number.isSafeInteger(threads) || threads < 1 || threads > 64) {
      throw new RangeError(`envelope worker: threads must be a whole number, 1 to 64; got ${threads}`);
    }
    this.#threads = Array.from(
      { length: threads },
      () => new LastingThread(new URL('./envelope-thread.ts', import.meta.url)),
    );
    this.#idle = [...this.#threads];
  }

  /** Seals a file of plaintext into another; see sealFileSync. */
  sealFile(job: SealFileJob): Promise<Result<Sealed, SealFaultCode | WorkerFaultCode>> {
    return this.#run((link) => link.ask({ kind: 'sealFile', job }));
  }

  /** Seals values in memory into a file. Rejects only with what iterating over `job.values` throws. */
  sealValues(job: SealValuesJob): Promise<Result<Sealed, SealFaultCode | WorkerFaultCode>> {
    const { values, sealedPath, context, roundPublicKey } = job;
    const parts = values instanceof Float32Array ? [values] : values;
    return this.#run(async (link) => {
      const shared = new SharedArrayBuffer(ring.slotBytes * ring.slots);
      const target = { sealedPath, context, roundPublicKey };
      const sealed = link.ask<Result<Sealed, SealFaultCode>>({ kind: 'sealValues', target, shared });
      sealed.catch(() => {}); // It is heard at the end; values may be long in coming, and one that fails meanwhile would end the process.
      let complete = false;
      try {
        await fillSlots(link, shared, parts);
        complete = true;
      } finally {
        // What is wrong with the thread is learnt from `sealed`; what is wrong with the values is thrown on.
        await Promise.allSettled([link.ask({ kind: 'valuesEnd', complete }), sealed]);
      }
      return await sealed;
    });
  }

  /** Opens a sealed file into a file of plaintext; see openFileSync. The thread wipes its copy of the round's key. */
  openFile(job: OpenFileJob): Promise<Result<Opened, OpenFileFaultCode | WorkerFaultCode>> {
    return this.#run((link) => link.ask({ kind: 'openFile', job }));
  }

  /** Refuses new jobs, finishes those that were accepted, ends the threads. May be called twice. */
  close(): Promise<void> {
    this.#closing ??= (async () => {
      while (this.#running.size > 0) await Promise.allSettled(this.#running);
      await Promise.all(this.#threads.map((thread) => thread.close()));
    })();
    return this.#closing;
  }

  async #run<Value>(work: (link: EnvelopeLink) => Promise<Value>): Promise<Value | Refused<WorkerFaultCode>> {
    if (this.#closing !== undefined) return unavailable('is closed');
    const running = this.#withThread(work);
    this.#running.add(running);
    try {
      return await running;
    } catch (error) {
      if (error instanceof ThreadLost) return unavailable(`was lost (${error.message})`);
      throw error;
    } finally {
      this.#running.delete(running);
    }
  }

  async #withThread<Value>(work: (link: EnvelopeLink) => Promise<Value>): Promise<Value> {
    const thread = this.#idle.pop() ?? (await new Promise<EnvelopeThread>((resolve) => this.#waiting.push(resolve)));
    try {
      return await work(thread.live());
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#idle.push(thread);
      else next(thread);
    }
  }
}

/** Copies values into free slots and hands those over, until the values end or sealing has failed. */
async function fillSlots(
  link: EnvelopeLink,
  shared: SharedArrayBuffer,
  parts: Iterable<Float32Array> | AsyncIterable<Float32Array>,
): Promise<void> {
  const free = Array.from({ length: ring.slots }, (_, slot) => slot);
  const taken: Promise<{ slot: number; refused: boolean }>[] = []; // In the order in which they come free again.
  try {
    for await (const part of parts) {
      const bytes = new Uint8Array(part.buffer, part.byteOffset, part.byteLength);
      for (let start = 0; start < bytes.byteLength; start += ring.slotBytes) {
        let slot = free.pop();
        if (slot === undefined) {
          const next = await (taken.shift() as (typeof taken)[number]);
          if (next.refused) return;
          slot = next.slot;
        }
        const piece = bytes.subarray(start, start + ring.slotBytes);
        new Uint8Array(shared, slot * ring.slotBytes, piece.byteLength).set(piece);
        const handed = handOver(link, slot, piece.byteLength);
        handed.catch(() => {}); // As above.
        taken.push(handed);
      }
    }
  } finally {
    // A lost thread is told by the job's own question; here it only ends the filling.
    await Promise.allSettled(taken);
  }
}

async function handOver(link: EnvelopeLink, slot: number, bytes: number) {
  const { refused } = await link.ask<SlotTaken>({ kind: 'slot', slot, bytes });
  return { slot, refused };
}

function unavailable(how: string): Refused<WorkerFaultCode> {
  return refuse('WORKER_UNAVAILABLE', `envelope worker: the worker ${how}; start the job again on a live one`);
}
