import { parentPort, Worker, type WorkerOptions } from 'node:worker_threads';

/**
 * Questions to one worker thread, each answered once and matched by its id: {id, request} there, {id, value} or
 * {id, error} back.
 */
export type ThreadLink<Request> = Readonly<{
  /**
   * Rejects with what the thread threw over this question, or with `ThreadLost`. The request is copied before this
   * returns, so secrets in it may be wiped at once.
   */
  ask<Value>(request: Request): Promise<Value>;
  /** True once the thread is gone: every further question is refused. */
  ended(): boolean;
  /** Ends the thread; what is still unanswered is refused. May be called twice. */
  close(): Promise<void>;
}>;

/** The thread ended, by itself or by an error of its own, before it answered. `message` says why. */
export class ThreadLost extends Error {
  constructor(why: string, options?: ErrorOptions) {
    super(why, options);
    this.name = 'ThreadLost';
  }
}

type Question = Readonly<{ id: number; request: unknown }>;
type Reply = Readonly<{ id: number; value?: unknown; error?: unknown }>;
type Waiting = Readonly<{ resolve(value: unknown): void; reject(error: unknown): void }>;

/**
 * Starts a thread on `program`, a module that calls `serveThread`. It keeps the process alive only while a question is
 * open.
 */
export function startThread<Request>(program: URL, options?: WorkerOptions): ThreadLink<Request> {
  const worker = new Worker(program, options);
  worker.unref();
  const waiting = new Map<number, Waiting>();
  let lastId = 0;
  let lost: ThreadLost | undefined;

  const loseAll = (error: ThreadLost) => {
    lost ??= error; // An error is heard before the end that it brings: the first of both says more.
    for (const { reject } of waiting.values()) reject(lost);
    waiting.clear();
    worker.unref();
  };
  worker.on('message', ({ id, value, error }: Reply) => {
    const asked = waiting.get(id);
    waiting.delete(id);
    if (waiting.size === 0) worker.unref();
    if (error === undefined) asked?.resolve(value);
    else asked?.reject(error);
  });
  worker.on('error', (error) => loseAll(new ThreadLost(error.message, { cause: error })));
  worker.on('exit', () => loseAll(new ThreadLost('it has ended')));

  return {
    ask<Value>(request: Request) {
      return new Promise<Value>((resolve, reject) => {
        if (lost !== undefined) {
          reject(lost);
          return;
        }
        const id = ++lastId;
        worker.postMessage({ id, request } satisfies Question);
        waiting.set(id, { resolve: resolve as (value: unknown) => void, reject });
        worker.ref();
      });
    },
    ended: () => lost !== undefined,
    async close() {
      await worker.terminate();
    },
  };
}

/** A thread that is started when it is first needed, and anew when it was lost. */
export class LastingThread<Request> {
  readonly #program: URL;
  readonly #options: WorkerOptions | undefined;
  #link: ThreadLink<Request> | undefined;

  constructor(program: URL, options?: WorkerOptions) {
    this.#program = program;
    this.#options = options;
  }

  /** The running thread. Whoever asks several questions about one thing keeps it: a new thread knows nothing of them. */
  live(): ThreadLink<Request> {
    if (this.#link === undefined || this.#link.ended()) this.#link = startThread(this.#program, this.#options);
    return this.#link;
  }

  /** Ends the thread that runs, if one does. May be called twice. */
  async close(): Promise<void> {
    await this.#link?.close();
  }
}

/** `endOnThrow`: a throw ends the thread, and every open question with it, where what it holds can no longer be trusted. */
export type ServeOptions = Readonly<{ endOnThrow?: boolean }>;

/** In the thread: answers each question as it comes; one whose answer is a promise does not hold up the next. */
export function serveThread<Request>(
  answer: (request: Request) => unknown,
  { endOnThrow = false }: ServeOptions = {},
): void {
  const port = parentPort;
  if (port === null) throw new Error('a module that answers questions runs as a worker thread: start it by its link');
  const refuse = (id: number, error: unknown) => {
    if (endOnThrow) throw error;
    port.postMessage({ id, error: error ?? new Error('it threw nothing') } satisfies Reply);
  };
  port.on('message', ({ id, request }: Question) => {
    const reply = (value: unknown) => port.postMessage({ id, value } satisfies Reply);
    try {
      const value = answer(request as Request);
      // Nothing catches what `refuse` throws: that is what ends the thread.
      if (value instanceof Promise) value.then(reply).catch((error) => refuse(id, error));
      else reply(value);
    } catch (error) {
      refuse(id, error);
    }
  });
}
