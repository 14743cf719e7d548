import type { Readable } from 'node:stream';

const queuedMax = 64;

/**
 * A stream's items in batches of what has arrived, all that arrived before its error included. Iterating over the stream
 * itself drops what is buffered when the error comes. Reads on only while fewer than 64 items wait.
 */
export async function* drained<Item>(stream: Readable): AsyncGenerator<readonly Item[]> {
  let queue: Item[] = [];
  let ended = false;
  let failure: unknown;
  let wake: () => void = () => undefined;
  stream.on('data', (item: Item) => {
    queue.push(item);
    if (queue.length >= queuedMax) stream.pause();
    wake();
  });
  stream.on('error', (error) => {
    failure = error;
    ended = true;
    wake();
  });
  stream.on('end', () => {
    ended = true;
    wake();
  });
  for (;;) {
    while (queue.length > 0) {
      const batch = queue;
      queue = [];
      yield batch;
      if (queue.length < queuedMax && stream.isPaused()) stream.resume();
    }
    if (ended) break;
    await new Promise<void>((resolve) => {
      wake = resolve;
      if (queue.length > 0 || ended) resolve();
    });
  }
  if (failure !== undefined) throw failure;
}
