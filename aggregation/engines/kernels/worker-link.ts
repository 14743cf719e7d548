import { Worker } from 'node:worker_threads';

/** Questions to one worker thread, each answered once: {id, request} there, {id, value} or {id, error} back. */
export type WorkerLink<Request> = Readonly<{
  ask<Value>(request: Request): Promise<Value>;
  /** True once the thread is gone: every further question is refused. */
  ended(): boolean;
  /** Ends the thread; what is still unanswered is refused. May be called twice. */
  close(): Promise<void>;
}>;

type Reply = Readonly<{ id: number; value?: unknown; error?: unknown }>;
type Waiting = Readonly<{ resolve(value: unknown): void; reject(error: unknown): void }>;

/** Starts a thread on `file`. It keeps the process alive only while a question is open. */
export function startWorker<Request>(file: URL): WorkerLink<Request> {
  const worker = new Worker(file);
  worker.unref();
  const waiting = new Map<number, Waiting>();
  let lastId = 0;
  let failure: unknown;

  const failAll = (error: unknown) => {
    failure ??= error;
    for (const { reject } of waiting.values()) reject(error);
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
  worker.on('error', failAll);
  worker.on('exit', () => failAll(new Error(`worker ${file.pathname} has ended`)));

  return {
    ask<Value>(request: Request) {
      return new Promise<Value>((resolve, reject) => {
        if (failure !== undefined) {
          reject(failure);
          return;
        }
        const id = ++lastId;
        waiting.set(id, { resolve: resolve as (value: unknown) => void, reject });
        worker.ref();
        worker.postMessage({ id, request });
      });
    },
    ended: () => failure !== undefined,
    async close() {
      await worker.terminate();
    },
  };
}
