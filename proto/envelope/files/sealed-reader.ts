import { createHash } from 'node:crypto';
import { closeSync, fstatSync, openSync } from 'node:fs';
import { type Fault, ok, type Result, refuse } from '../../../base/fault.ts';
import { digestFromBytes } from '../../digest.ts';
import type { Digest } from '../../ids.ts';
import type { RoundKeyPair } from '../crypto/keys.ts';
import { release, wipe } from '../crypto/wipe.ts';
import type { EnvelopeFaultCode } from '../faults.ts';
import { chunkCount, chunkOffset, chunkPlainBytes, format, sealedLength } from '../format.ts';
import { checkContext, type UpdateContext } from '../header.ts';
import {
  createOpener,
  createOpenerWith,
  type Opener,
  type OpenFaultCode,
  payloadKey,
  tooLongFault,
  truncatedFault,
} from '../open.ts';
import { readFully, storageFault } from './storage.ts';

export type SealedReadFaultCode =
  | OpenFaultCode
  | Extract<EnvelopeFaultCode, 'PAYLOAD_DIGEST_MISMATCH' | 'STORAGE_FAILED'>;

/** What opens a payload: its round's pair, or its own key (`sealedPayloadKey`), of which a copy is taken. */
export type SealedOpening = Readonly<{ round: RoundKeyPair } | { payloadKey: Uint8Array }>;
export type SealedSource = Readonly<{ sealedPath: string; context: UpdateContext }> & SealedOpening;

/**
 * Any part of a sealed file's plaintext, with none of it on disk. Each chunk is authenticated with its place and with
 * whether it is the last, and the file's length must be exactly the context's, so what a read gives is always what was
 * sealed at that offset. Holds 32 secret bytes until `close`, and no file descriptor between calls: thousands may be
 * open. Synchronous, for worker threads.
 */
export type SealedReader = Readonly<{
  /**
   * Opens every chunk once, in order: the digest of the sealed bytes, or the first fault. A payload is good only after
   * this; `visit` sees each chunk's plaintext (valid during the call) before the whole is known to be good. What `visit`
   * throws comes out.
   */
  verify(options?: VerifyOptions): Result<Digest, SealedReadFaultCode>;
  /**
   * Fills `target` with the plaintext from `offsetBytes` on; a fault, or nothing. Reads outside of the plaintext are a
   * RangeError. Ranges that start and end on multiples of 256 KiB (65,536 values) open no chunk twice.
   */
  readInto(offsetBytes: number, target: Uint8Array): Fault<SealedReadFaultCode> | undefined;
  /** Wipes the key. May be called twice; reading afterwards is an error. */
  close(): void;
}>;

export type VerifyOptions = Readonly<{
  /** The digest that the header signed; given, it is checked too. */
  payload?: Digest;
  visit?: (plain: Uint8Array, offsetBytes: number) => void;
}>;

/** The key of the payload in a sealed file, for a checked context and the round's own pair. The caller wipes it. */
export function sealedPayloadKey(
  sealedPath: string,
  context: UpdateContext,
  round: RoundKeyPair,
): Result<Buffer, SealedReadFaultCode> {
  return withPrologue(sealedPath, context, (prologue) => payloadKey(prologue, context, round));
}

/** A reader of a sealed file for a checked context. Reads the prologue and the file's size. */
export function openSealedReader(source: SealedSource): Result<SealedReader, SealedReadFaultCode> {
  const { sealedPath, context } = source;
  const opened = withPrologue(sealedPath, context, (prologue) =>
    'round' in source
      ? createOpener(prologue, context, source.round)
      : createOpenerWith(Buffer.from(source.payloadKey), context),
  );
  if (!opened.ok) return opened;
  const opener = opened.value;
  let isClosed = false;

  function checkOpen(): void {
    if (isClosed) throw new Error('sealed reader: used after close');
  }

  return ok({
    verify: (options = {}) => {
      checkOpen();
      return withFile(sealedPath, context, (fd) => verifyAll(fd, context, opener, options));
    },
    readInto(offsetBytes, target) {
      checkOpen();
      const end = offsetBytes + target.byteLength;
      if (!Number.isSafeInteger(offsetBytes) || offsetBytes < 0 || end > context.plainBytes) {
        throw new RangeError(`sealed reader: bytes ${offsetBytes} to ${end} of ${context.plainBytes}`);
      }
      const read = withFile(sealedPath, context, (fd) => readRange(fd, context, opener, offsetBytes, target));
      return read.ok ? undefined : read.fault;
    },
    close() {
      isClosed = true;
      opener.wipe();
    },
  });
}

function withPrologue<Value>(
  sealedPath: string,
  context: UpdateContext,
  action: (prologue: Buffer) => Result<Value, SealedReadFaultCode>,
): Result<Value, SealedReadFaultCode> {
  const checked = checkContext(context);
  if (!checked.ok) return checked;
  return withFile(sealedPath, context, (fd) => {
    const prologue = readPart(fd, Buffer.alloc(format.prologueBytes), 0);
    return prologue.ok ? action(prologue.value) : prologue;
  });
}

function verifyAll(
  fd: number,
  context: UpdateContext,
  opener: Opener,
  { payload, visit }: VerifyOptions,
): Result<Digest, SealedReadFaultCode> {
  const hash = createHash('sha256');
  const sealed = chunkBuffer(context);
  const prologue = readPart(fd, sealed.subarray(0, format.prologueBytes), 0);
  if (!prologue.ok) return prologue;
  hash.update(prologue.value);
  for (let index = 0; index < chunkCount(context.plainBytes); index++) {
    const chunk = readChunk(fd, context, index, opener, sealed);
    if (!chunk.ok) return chunk;
    const { bytes, plain } = chunk.value;
    hash.update(bytes);
    try {
      visit?.(plainView(plain), index * format.chunkBytes);
    } finally {
      wipe(plain);
      release(plain);
    }
  }
  const actual = digestFromBytes(hash.digest());
  if (payload === undefined || payload === actual) return ok(actual);
  return refuse(
    'PAYLOAD_DIGEST_MISMATCH',
    'open: the payload opens but is not the one whose digest was signed; ask for the upload again',
    { expected: payload, actual },
  );
}

/** Not a Buffer: its `slice` is a view, and a visitor that kept one would find it wiped. */
function plainView(chunk: Buffer): Uint8Array {
  return new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength);
}

function readRange(
  fd: number,
  context: UpdateContext,
  opener: Opener,
  offsetBytes: number,
  target: Uint8Array,
): Result<undefined, SealedReadFaultCode> {
  const sealed = chunkBuffer(context);
  for (let filled = 0; filled < target.byteLength; ) {
    const position = offsetBytes + filled;
    const index = Math.floor(position / format.chunkBytes);
    const chunk = readChunk(fd, context, index, opener, sealed);
    if (!chunk.ok) return chunk;
    const { plain } = chunk.value;
    const start = position - index * format.chunkBytes;
    const piece = plain.subarray(start, start + target.byteLength - filled);
    target.set(piece, filled);
    filled += piece.byteLength;
    wipe(plain);
    release(plain);
  }
  return ok(undefined);
}

function chunkBuffer(context: UpdateContext): Buffer {
  return Buffer.allocUnsafeSlow(
    Math.max(format.prologueBytes, Math.min(format.chunkBytes, context.plainBytes) + format.tagBytes),
  );
}

/** A chunk's sealed bytes, in `sealed`, and what they hold, which the caller wipes. Refused where the file was cut meanwhile. */
function readChunk(
  fd: number,
  context: UpdateContext,
  index: number,
  opener: Opener,
  sealed: Buffer,
): Result<Readonly<{ bytes: Buffer; plain: Buffer }>, SealedReadFaultCode> {
  const length = chunkPlainBytes(context.plainBytes, index) + format.tagBytes;
  const bytes = readPart(fd, sealed.subarray(0, length), chunkOffset(index));
  if (!bytes.ok) return bytes;
  const plain = opener.openChunk(index, bytes.value);
  return plain.ok ? ok({ bytes: bytes.value, plain: plain.value }) : plain;
}

function readPart(fd: number, target: Buffer, position: number): Result<Buffer, 'STORAGE_FAILED'> {
  try {
    return ok(target.subarray(0, readFully(fd, target, position)));
  } catch (error) {
    return { ok: false, fault: storageFault('open: read the sealed file', error) };
  }
}

/** Runs `action` on the open file after checking that it is as long as the context says, to the byte. */
function withFile<Value>(
  sealedPath: string,
  context: UpdateContext,
  action: (fd: number) => Result<Value, SealedReadFaultCode>,
): Result<Value, SealedReadFaultCode> {
  let fd: number;
  let size: number;
  try {
    fd = openSync(sealedPath, 'r');
    size = fstatSync(fd).size;
  } catch (error) {
    return { ok: false, fault: storageFault('open: open the sealed file', error) };
  }
  try {
    const expected = sealedLength(context.plainBytes);
    if (size < expected) return { ok: false, fault: truncatedFault(context) };
    if (size > expected) return { ok: false, fault: tooLongFault(context) };
    return action(fd);
  } finally {
    closeSync(fd);
  }
}
