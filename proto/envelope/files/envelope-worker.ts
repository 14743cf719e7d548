import { Worker } from 'node:worker_threads';
import { type Refused, type Result, refuse } from '../../../base/fault.ts';
import { type EnvelopeReply, type EnvelopeRequest, ring } from './envelope-protocol.ts';
import type { Sealed, SealFaultCode, SealTarget } from './seal-writer.ts';
import type { Opened, OpenFileFaultCode, OpenFileJob, SealFileJob } from './sealed-file.ts';

type WorkerFaultCode = 'WORKER_UNAVAILABLE';

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
    this.#threads = Array.from({ length: threads }, () => new EnvelopeThread());
    this.#idle = [...this.#threads];
  }

  /** Seals a file of plaintext into another; see sealFileSync. */
  sealFile(job: SealFileJob): Promise<Result<Sealed, SealFaultCode | WorkerFaultCode>> {
    return this.#run(async (thread) => {
      thread.send({ kind: 'sealFile', job });
      const reply = await thread.receive();
      return reply.kind === 'sealed' ? reply.result : noResult(reply);
    });
  }

  /** Seals values in memory into a file. Rejects only with what iterating over `job.values` throws. */
  sealValues(job: SealValuesJob): Promise<Result<Sealed, SealFaultCode | WorkerFaultCode>> {
    const { values, sealedPath, context, roundPublicKey } = job;
    const parts = values instanceof Float32Array ? [values] : values;
    return this.#run(async (thread) => {
      const shared = new SharedArrayBuffer(ring.slotBytes * ring.slots);
      thread.send({ kind: 'sealValues', target: { sealedPath, context, roundPublicKey }, shared });
      let complete = false;
      try {
        await fillSlots(thread, shared, parts);
        complete = true;
      } finally {
        thread.send({ kind: 'valuesEnd', complete });
        if (!complete) await lastReply(thread);
      }
      const reply = await lastReply(thread);
      return reply.kind === 'sealed' ? reply.result : noResult(reply);
    });
  }

  /** Opens a sealed file into a file of plaintext; see openFileSync. The thread wipes its copy of the round's key. */
  openFile(job: OpenFileJob): Promise<Result<Opened, OpenFileFaultCode | WorkerFaultCode>> {
    return this.#run(async (thread) => {
      thread.send({ kind: 'openFile', job });
      const reply = await thread.receive();
      return reply.kind === 'opened' ? reply.result : noResult(reply);
    });
  }

  /** Refuses new jobs, finishes those that were accepted, ends the threads. May be called twice. */
  close(): Promise<void> {
    this.#closing ??= (async () => {
      while (this.#running.size > 0) await Promise.allSettled(this.#running);
      await Promise.all(this.#threads.map((thread) => thread.end()));
    })();
    return this.#closing;
  }

  async #run<Value>(work: (thread: EnvelopeThread) => Promise<Value>): Promise<Value | Refused<WorkerFaultCode>> {
    if (this.#closing !== undefined) return unavailable('is closed');
    const running = this.#withThread(work);
    this.#running.add(running);
    try {
      return await running;
    } finally {
      this.#running.delete(running);
    }
  }

  async #withThread<Value>(work: (thread: EnvelopeThread) => Promise<Value>): Promise<Value> {
    const thread = this.#idle.pop() ?? (await new Promise<EnvelopeThread>((resolve) => this.#waiting.push(resolve)));
    thread.begin();
    try {
      return await work(thread);
    } finally {
      thread.rest();
      const next = this.#waiting.shift();
      if (next === undefined) this.#idle.push(thread);
      else next(thread);
    }
  }
}

/** Copies values into free slots and hands those over, until the values end or sealing has failed. */
async function fillSlots(
  thread: EnvelopeThread,
  shared: SharedArrayBuffer,
  parts: Iterable<Float32Array> | AsyncIterable<Float32Array>,
): Promise<void> {
  const free = Array.from({ length: ring.slots }, (_, slot) => slot);
  for await (const part of parts) {
    const bytes = new Uint8Array(part.buffer, part.byteOffset, part.byteLength);
    for (let start = 0; start < bytes.byteLength; start += ring.slotBytes) {
      let slot = free.pop();
      while (slot === undefined) {
        const reply = await thread.receive();
        if (reply.kind !== 'slotFree' || reply.refused) return;
        slot = reply.slot;
      }
      const piece = bytes.subarray(start, start + ring.slotBytes);
      new Uint8Array(shared, slot * ring.slotBytes, piece.byteLength).set(piece);
      thread.send({ kind: 'slot', slot, bytes: piece.byteLength });
    }
  }
}

/** The job's own answer, after those about slots. */
async function lastReply(thread: EnvelopeThread): Promise<ThreadReply> {
  for (;;) {
    const reply = await thread.receive();
    if (reply.kind !== 'slotFree') return reply;
  }
}

type ThreadReply = EnvelopeReply | { kind: 'lost'; reason: string };

function noResult(reply: ThreadReply): Refused<WorkerFaultCode> {
  if (reply.kind === 'lost') return unavailable(`was lost (${reply.reason})`);
  throw new Error(`envelope worker: the thread answered another job's question: ${reply.kind}`);
}

function unavailable(how: string): Refused<WorkerFaultCode> {
  return refuse('WORKER_UNAVAILABLE', `envelope worker: the worker ${how}; start the job again on a live one`);
}

/** One worker thread and what it said that nobody has heard yet. */
class EnvelopeThread {
  #worker: Worker | undefined;
  #heard: ThreadReply[] = [];
  #lostReason = 'it was not started';
  #listener: ((reply: ThreadReply) => void) | undefined;

  /** Before a job: a live thread that keeps the process alive until `rest`. */
  begin(): void {
    this.#heard = [];
    this.#worker ??= this.#start();
    this.#worker.ref();
  }

  rest(): void {
    this.#worker?.unref();
  }

  send(request: EnvelopeRequest): void {
    this.#worker?.postMessage(request); // A lost thread hears nothing; `receive` says so.
  }

  async receive(): Promise<ThreadReply> {
    const heard = this.#heard.shift();
    if (heard !== undefined) return heard;
    if (this.#worker === undefined) return { kind: 'lost', reason: this.#lostReason };
    return new Promise((resolve) => {
      this.#listener = resolve;
    });
  }

  async end(): Promise<void> {
    await this.#worker?.terminate();
  }

  #start(): Worker {
    // Beside this file, as .ts from the sources and as .js from dist/.
    const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
    const worker = new Worker(new URL(`./envelope-thread.${extension}`, import.meta.url));
    worker.on('message', (reply: EnvelopeReply) => this.#hear(reply));
    worker.on('error', (error) => this.#lose(worker, error.message));
    worker.on('exit', (code) => this.#lose(worker, `exit code ${code}`));
    return worker;
  }

  #lose(worker: Worker, reason: string): void {
    if (this.#worker !== worker) return;
    this.#lostReason = reason;
    this.#worker = undefined; // The next job starts another.
    this.#hear({ kind: 'lost', reason });
  }

  #hear(reply: ThreadReply): void {
    const listener = this.#listener;
    this.#listener = undefined;
    if (listener === undefined) this.#heard.push(reply);
    else listener(reply);
  }
}
