import type { Transform } from 'node:stream';
import { createZstdDecompress } from 'node:zlib';
import { gunzipped, isGzip } from './gzip-members.ts';
import { noticeUnendedLine, noticeUnreadEnd } from './unread-ends.ts';
import { unreadForm } from './unread-forms.ts';
import { isZstd, zstdFrames } from './zstd-frames.ts';

const magicBytes = 4;
const newline = 0x0a;

/**
 * A stream's bytes, unpacked where they begin with the magic number of gzip or of zstd: every member or frame, in order.
 * Throws after everything that could be unpacked; with the code Z_BUF_ERROR where packed data end too early. Of a packing or a
 * writing that is not read nothing is handed on: the error says which it is, and what helps.
 */
export async function* decompressed(source: AsyncIterable<Buffer>): AsyncGenerator<Uint8Array> {
  const chunks = source[Symbol.asyncIterator]();
  try {
    let last: number | undefined;
    for await (const piece of unpackedIfPacked(chunks)) {
      last = piece.at(-1) ?? last;
      yield piece;
    }
    if (last !== undefined && last !== newline) noticeUnendedLine(source);
  } catch (cause) {
    noticeUnreadEnd(source, cause);
    throw cause;
  } finally {
    await chunks.return?.();
  }
}

async function* unpackedIfPacked(chunks: AsyncIterator<Buffer>): AsyncGenerator<Uint8Array> {
  let head: Buffer = Buffer.alloc(0);
  while (head.length < magicBytes) {
    const next = await chunks.next();
    if (next.done) break;
    head = Buffer.concat([head, next.value]);
  }
  const rest: AsyncIterable<Buffer> = { [Symbol.asyncIterator]: () => chunks };
  if (isGzip(head)) yield* saidOfDamage(gunzipped(prepended(head, rest)));
  else if (isZstd(head)) yield* unpacked(createZstdDecompress(), zstdFrames(prepended(head, rest)));
  else {
    const form = unreadForm(head);
    if (form !== undefined) throw new Error(form);
    if (head.length > 0) yield head;
    yield* rest;
  }
}

/**
 * Unpacks chunk by chunk. Reading the stream itself would lose what it had unpacked before an error: here every chunk's
 * output is handed over before the error that came with it.
 */
async function* unpacked(unpack: Transform, packed: AsyncIterable<Buffer>): AsyncGenerator<Uint8Array> {
  let output: Buffer[] = [];
  unpack.on('data', (chunk: Buffer) => output.push(chunk));
  let fault: Error | undefined;
  const failed = new Promise<void>((resolve) => {
    unpack.once('error', (error) => {
      fault = error;
      resolve();
    });
  });
  const ended = new Promise((resolve) => unpack.once('end', resolve));
  try {
    for await (const chunk of packed) {
      await Promise.race([failed, new Promise((resolve) => unpack.write(chunk, resolve))]);
      const ready = output;
      output = [];
      yield* ready;
      if (fault !== undefined) throw fault;
    }
    unpack.end();
    await Promise.race([failed, ended]);
    yield* output;
    if (fault !== undefined) throw fault;
  } finally {
    unpack.destroy();
  }
}

async function* saidOfDamage(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* pieces;
  } catch (error) {
    throw damageOf(error as NodeJS.ErrnoException);
  }
}

/** zlib's own words ("incorrect header check") say neither of what, nor what helps. */
function damageOf(error: NodeJS.ErrnoException): Error {
  if (error.code === 'Z_DATA_ERROR') {
    error.message = `the packed data are damaged, or something else follows them (${error.message}): copy the file again`;
  }
  return error;
}

async function* prepended(head: Buffer, rest: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  yield head;
  yield* rest;
}
