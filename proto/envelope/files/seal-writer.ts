import { createHash } from 'node:crypto';
import { AtomicFile } from '../../../base/atomic-file.ts';
import { type Fault, ok, type Result } from '../../../base/fault.ts';
import { digestFromBytes } from '../../digest.ts';
import type { Digest } from '../../ids.ts';
import { release, wipe } from '../crypto/wipe.ts';
import type { EnvelopeFaultCode } from '../faults.ts';
import { chunkCount, chunkPlainBytes, format, sealedLength } from '../format.ts';
import type { UpdateContext } from '../header.ts';
import { createSealer, plainLengthFault } from '../seal.ts';
import { storageFault } from './storage.ts';

export type SealTarget = Readonly<{ sealedPath: string; context: UpdateContext; roundPublicKey: Uint8Array }>;
/** What the header must say of the sealed file. */
export type Sealed = Readonly<{ payload: Digest; payloadBytes: number }>;
export type SealFaultCode = Extract<
  EnvelopeFaultCode,
  'HEADER_INVALID' | 'KEY_INVALID' | 'PLAIN_LENGTH_MISMATCH' | 'STORAGE_FAILED'
>;

/** A sealed file being written from plaintext pieces. After a fault nothing is left on disk and no more is taken. */
export type SealWriter = Readonly<{
  /** Takes the next bytes, of any length; whole chunks are sealed without a copy. */
  write(plain: Uint8Array): Fault<SealFaultCode> | undefined;
  /** The sealed file in place and on disk, or the fault that stopped it. */
  finish(): Result<Sealed, SealFaultCode>;
  /** Leaves nothing behind; does nothing after `finish`. */
  abandon(): void;
}>;

/** Synchronous: for worker threads. Holds one chunk beside the caller's piece. */
export function openSealWriter(target: SealTarget): Result<SealWriter, SealFaultCode> {
  const { context } = target;
  const created = createSealer(context, target.roundPublicKey);
  if (!created.ok) return created;
  const sealer = created.value;
  let file: AtomicFile;
  try {
    file = new AtomicFile(target.sealedPath);
  } catch (error) {
    sealer.wipe();
    return { ok: false, fault: storageFault('seal: create the sealed file', error) };
  }
  const hash = createHash('sha256');
  const count = chunkCount(context.plainBytes);
  const partial = Buffer.allocUnsafeSlow(Math.min(format.chunkBytes, context.plainBytes));
  let partialBytes = 0;
  let next = 0;
  let fault: Fault<SealFaultCode> | undefined;

  function wipeAll(): void {
    sealer.wipe();
    wipe(partial);
  }

  function stop(reason: Fault<SealFaultCode>): Fault<SealFaultCode> {
    fault = reason;
    wipeAll();
    file.abandon();
    return reason;
  }

  function put(bytes: Uint8Array): void {
    hash.update(bytes);
    file.write(bytes);
  }

  function sealNext(chunk: Uint8Array): void {
    const { cipher, tag } = sealer.sealChunk(next, chunk);
    next += 1;
    put(cipher);
    put(tag);
    release(cipher);
  }

  /** Takes from `plain` what the current chunk still wants, and returns the rest. */
  function take(plain: Uint8Array): Uint8Array {
    const wanted = chunkPlainBytes(context.plainBytes, next);
    if (partialBytes === 0 && plain.byteLength >= wanted) {
      sealNext(plain.subarray(0, wanted));
      return plain.subarray(wanted);
    }
    const taken = plain.subarray(0, wanted - partialBytes);
    partial.set(taken, partialBytes);
    partialBytes += taken.byteLength;
    if (partialBytes === wanted) {
      sealNext(partial.subarray(0, wanted));
      partialBytes = 0;
    }
    return plain.subarray(taken.byteLength);
  }

  function attempt(action: () => void): Fault<SealFaultCode> | undefined {
    try {
      action();
      return undefined;
    } catch (error) {
      return stop(storageFault('seal: write the sealed file', error));
    }
  }

  const failed = attempt(() => put(sealer.prologue));
  if (failed !== undefined) return { ok: false, fault: failed };
  return ok({
    write(plain) {
      let rest = plain;
      while (rest.byteLength > 0 && fault === undefined) {
        if (next === count) return stop(plainLengthFault(context, 'goes on'));
        attempt(() => {
          rest = take(rest);
        });
      }
      return fault;
    },
    finish() {
      if (fault === undefined && next < count) stop(plainLengthFault(context, 'ended early'));
      if (fault === undefined) attempt(() => file.commit());
      if (fault !== undefined) return { ok: false, fault };
      wipeAll();
      return ok({ payload: digestFromBytes(hash.digest()), payloadBytes: sealedLength(context.plainBytes) });
    },
    abandon() {
      wipeAll();
      file.abandon();
    },
  });
}
