import type { ProcessIdentity, SourceItem } from '../../../events/source-item.ts';
import { pieceCallsMax } from '../../../events/trace.ts';

/** The ordered calls of one thread: whole, or a piece of a long-lived one. */
export type AssembledTrace = Readonly<{
  thread: string;
  process: ProcessIdentity;
  /** Vocabulary ids. */
  calls: Uint16Array;
  argumentClasses: Uint16Array;
  /** By the source's clock; 0 where it has none. */
  firstMs: number;
  lastMs: number;
  /** 0 for the piece with the thread's first call that we saw. */
  piece: number;
  /** Order number of the item that began it. */
  began: number;
}>;

export type AssemblerOptions = Readonly<{
  /** A long-lived thread is cut after so many calls. */
  pieceCalls: number;
  /** Threads held at once; the one that has been quiet longest is let go first. */
  threadsMax: number;
  /** A thread that is quiet for so long is let go. */
  quietMs: number;
}>;

/** Where a long-lived thread is cut unless somebody says otherwise. */
export const defaultPieceCalls = 500;

const defaultAssemblerOptions: AssemblerOptions = {
  pieceCalls: defaultPieceCalls,
  threadsMax: 4_096,
  quietMs: 60_000,
};

type Open = {
  process: ProcessIdentity;
  calls: number[];
  classes: number[];
  firstMs: number;
  lastMs: number;
  piece: number;
  began: number;
  heardMs: number;
};

type Call = Extract<SourceItem, { kind: 'call' }>;

/** Puts the calls of many threads, interleaved as they happen, together again. Bounded: threadsMax × pieceCalls. */
export class TraceAssembler {
  readonly #options: AssemblerOptions;
  /** Least recently heard first. */
  readonly #open = new Map<string, Open>();

  constructor(options: AssemblerOptions = defaultAssemblerOptions) {
    if (options.pieceCalls > pieceCallsMax) throw new RangeError(`pieceCalls: at most ${pieceCallsMax}`);
    this.#options = options;
  }

  /** Threads that have calls not yet given out. */
  get openCount(): number {
    return this.#open.size;
  }

  /** Order number of the oldest call not yet given out: everything before it may be forgotten. */
  oldest(): number | undefined {
    let oldest: number | undefined;
    for (const { began, calls } of this.#open.values()) {
      if (calls.length > 0 && (oldest === undefined || began < oldest)) oldest = began;
    }
    return oldest;
  }

  /** `order` grows with every item; `nowMs` is a monotonic clock of ours, whatever the source's does. */
  push(call: Call, order: number, nowMs: number): AssembledTrace[] {
    const done: AssembledTrace[] = [];
    let open = this.#open.get(call.thread);
    if (open === undefined) {
      if (this.#open.size >= this.#options.threadsMax) done.push(...this.#letGo(this.#open.keys().next().value));
      open = {
        process: call.process,
        calls: [],
        classes: [],
        firstMs: call.atMs,
        lastMs: call.atMs,
        piece: 0,
        began: order,
        heardMs: nowMs,
      };
    }
    if (open.calls.length === 0) {
      open.began = order;
      open.firstMs = call.atMs;
    }
    open.process = call.process;
    open.calls.push(call.call);
    open.classes.push(call.argumentClass);
    open.lastMs = call.atMs;
    open.heardMs = nowMs;
    this.#open.delete(call.thread);
    this.#open.set(call.thread, open);
    if (open.calls.length >= this.#options.pieceCalls) {
      done.push(traceOf(call.thread, open));
      open.calls = [];
      open.classes = [];
      open.piece += 1;
    }
    return done;
  }

  /** The thread ended. */
  end(thread: string): AssembledTrace[] {
    return this.#letGo(thread);
  }

  /** Lets quiet threads go. */
  expire(nowMs: number): AssembledTrace[] {
    const done: AssembledTrace[] = [];
    for (const [thread, open] of this.#open) {
      if (nowMs - open.heardMs < this.#options.quietMs) break;
      done.push(...this.#letGo(thread));
    }
    return done;
  }

  /** Everything that is open, as it is. */
  flush(): AssembledTrace[] {
    return [...this.#open.keys()].flatMap((thread) => this.#letGo(thread));
  }

  #letGo(thread: string | undefined): AssembledTrace[] {
    const open = thread === undefined ? undefined : this.#open.get(thread);
    if (thread === undefined || open === undefined) return [];
    this.#open.delete(thread);
    return open.calls.length === 0 ? [] : [traceOf(thread, open)];
  }
}

function traceOf(thread: string, open: Open): AssembledTrace {
  const { process, firstMs, lastMs, piece, began } = open;
  return {
    thread,
    process,
    calls: Uint16Array.from(open.calls),
    argumentClasses: Uint16Array.from(open.classes),
    firstMs,
    lastMs,
    piece,
    began,
  };
}
