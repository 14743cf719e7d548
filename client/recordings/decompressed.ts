import type { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';

/** A stream's bytes, unzipped where they begin with gzip's magic number. */
export async function* decompressed(source: Readable): AsyncGenerator<Uint8Array> {
  const chunks = source[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  let head: Buffer = Buffer.alloc(0);
  while (head.length < 2) {
    const next = await chunks.next();
    if (next.done) {
      if (head.length > 0) yield head;
      return;
    }
    head = Buffer.concat([head, next.value]);
  }
  const rest: AsyncIterable<Buffer> = { [Symbol.asyncIterator]: () => chunks };
  if (head[0] === 0x1f && head[1] === 0x8b) {
    yield* unzipped(head, rest);
  } else {
    yield head;
    yield* rest;
  }
}

/**
 * Unzips chunk by chunk. Reading the stream itself would lose what it had unzipped before an error: here every chunk's
 * output is handed over before the error that came with it.
 */
async function* unzipped(head: Buffer, rest: AsyncIterable<Buffer>): AsyncGenerator<Uint8Array> {
  const gunzip = createGunzip();
  let output: Buffer[] = [];
  gunzip.on('data', (chunk: Buffer) => output.push(chunk));
  let fault: Error | undefined;
  const failed = new Promise<void>((resolve) => {
    gunzip.once('error', (error) => {
      fault = error;
      resolve();
    });
  });
  const ended = new Promise((resolve) => gunzip.once('end', resolve));
  try {
    for await (const chunk of prepended(head, rest)) {
      await Promise.race([failed, new Promise((resolve) => gunzip.write(chunk, resolve))]);
      const ready = output;
      output = [];
      yield* ready;
      if (fault !== undefined) throw fault;
    }
    gunzip.end();
    await Promise.race([failed, ended]);
    yield* output;
    if (fault !== undefined) throw fault;
  } finally {
    gunzip.destroy();
  }
}

async function* prepended(head: Buffer, rest: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  yield head;
  yield* rest;
}
