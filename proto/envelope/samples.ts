/** What the envelope's tests share: a legal context, payloads of telling sizes, and ways to read what came back. */

import { FaultError, type Result, unwrap } from '../../base/fault.ts';
import { digestOf } from '../digest.ts';
import { newRoundKeyPair, type RoundKeyPair } from './crypto/keys.ts';
import { chunkCount, chunkOffset, chunkPlainBytes } from './format.ts';
import { checkContext, type UpdateContext } from './header.ts';
import { createSealer } from './seal.ts';

export function sampleContext(plainBytes: number, change: Partial<Record<keyof UpdateContext, unknown>> = {}) {
  return unwrap(
    checkContext({
      federation: 'herd',
      track: 'syscall',
      round: 'r-7',
      cluster: 'eu-west-1',
      base: digestOf(Buffer.from('base')),
      schema: digestOf(Buffer.from('schema')),
      codec: 'f32le',
      plainBytes,
      ...change,
    }),
  );
}

/** Every field changed alone: the contexts under which nothing sealed for `sampleContext(plainBytes)` may open. */
export function otherContexts(plainBytes: number): Record<string, UpdateContext> {
  const { base, schema } = sampleContext(plainBytes);
  const changes = {
    federation: 'flock',
    track: 'flow',
    round: 'r-8',
    cluster: 'eu-west-2',
    base: schema,
    schema: base,
  };
  return Object.fromEntries(
    Object.entries(changes).map(([field, value]) => [field, sampleContext(plainBytes, { [field]: value })]),
  );
}

/** The plaintext of vectors.json. */
export function samplePlain(length: number): Buffer {
  const plain = Buffer.alloc(length);
  for (let index = 0; index < length; index++) plain[index] = (7 * index + (index >> 8)) % 251;
  return plain;
}

export type Sample = Readonly<{ context: UpdateContext; plain: Buffer; sealed: Buffer; round: RoundKeyPair }>;

export function sealSample(plainBytes: number, round: RoundKeyPair = newRoundKeyPair()): Sample {
  const context = sampleContext(plainBytes);
  const plain = samplePlain(plainBytes);
  const sealer = unwrap(createSealer(context, round.publicKey));
  const parts: Buffer[] = [sealer.prologue];
  for (let index = 0, start = 0; index < chunkCount(plainBytes); index++) {
    const length = chunkPlainBytes(plainBytes, index);
    const { cipher, tag } = sealer.sealChunk(index, plain.subarray(start, start + length));
    parts.push(cipher, tag);
    start += length;
  }
  return { context, plain, sealed: Buffer.concat(parts), round };
}

/** A payload cut into its prologue and chunks. */
export function partsOf({ sealed, context }: Pick<Sample, 'sealed' | 'context'>): {
  prologue: Buffer;
  chunks: Buffer[];
} {
  const count = chunkCount(context.plainBytes);
  return {
    prologue: sealed.subarray(0, chunkOffset(0)),
    chunks: Array.from({ length: count }, (_, n) => sealed.subarray(chunkOffset(n), chunkOffset(n + 1))),
  };
}

/** Bytes in pieces of the given size. */
export async function* inPieces(bytes: Uint8Array, pieceBytes = bytes.byteLength): AsyncGenerator<Uint8Array> {
  for (let start = 0; start < bytes.byteLength; start += pieceBytes) yield bytes.subarray(start, start + pieceBytes);
}

/** Everything a stream yielded before it ended or threw, and the code of the fault that it threw. */
export async function drain(stream: AsyncIterable<Buffer>): Promise<{ bytes: Buffer; code: string | undefined }> {
  const parts: Buffer[] = [];
  try {
    for await (const part of stream) parts.push(part);
  } catch (error) {
    if (!(error instanceof FaultError)) throw error;
    return { bytes: Buffer.concat(parts), code: error.fault.code };
  }
  return { bytes: Buffer.concat(parts), code: undefined };
}

export function codeOf(result: Result<unknown>): string {
  return result.ok ? 'ok' : result.fault.code;
}
