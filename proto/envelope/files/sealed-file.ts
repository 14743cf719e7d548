import { closeSync, openSync } from 'node:fs';
import { AtomicFile } from '../../../base/atomic-file.ts';
import { type Fault, ok, type Result } from '../../../base/fault.ts';
import type { Digest } from '../../ids.ts';
import type { RoundKeyPair } from '../crypto/keys.ts';
import { wipe } from '../crypto/wipe.ts';
import type { EnvelopeFaultCode } from '../faults.ts';
import { format } from '../format.ts';
import type { UpdateContext } from '../header.ts';
import { openSealWriter, type Sealed, type SealFaultCode, type SealTarget } from './seal-writer.ts';
import { openSealedReader, type SealedReadFaultCode } from './sealed-reader.ts';
import { readFully, storageFault } from './storage.ts';

export type SealFileJob = SealTarget & Readonly<{ plainPath: string }>;

export type OpenFileJob = Readonly<{
  sealedPath: string;
  /** Where the plaintext goes: float32 little-endian, context.plainBytes long. */
  plainPath: string;
  context: UpdateContext;
  /** The round's own pair. */
  round: RoundKeyPair;
  /** The digest that the header signed; given, it is checked too. */
  payload?: Digest;
}>;
export type Opened = Readonly<{ payload: Digest; plainBytes: number }>;
export type OpenFileFaultCode = Extract<EnvelopeFaultCode, SealedReadFaultCode>;

/**
 * Seals a file of plaintext into another. Synchronous, for worker threads; on an event loop use EnvelopeWorker. Memory:
 * two chunks. On a fault no output is left.
 */
export function sealFileSync(job: SealFileJob): Result<Sealed, SealFaultCode> {
  const opened = openSealWriter(job);
  if (!opened.ok) return opened;
  const writer = opened.value;
  const chunk = Buffer.allocUnsafeSlow(format.chunkBytes);
  let fd: number | undefined;
  try {
    fd = openSync(job.plainPath, 'r');
    for (let position = 0; ; ) {
      const got = readFully(fd, chunk, position);
      if (got === 0) return writer.finish();
      const fault = writer.write(chunk.subarray(0, got));
      if (fault !== undefined) return { ok: false, fault };
      position += got;
    }
  } catch (error) {
    writer.abandon();
    return { ok: false, fault: storageFault('seal: read the plaintext', error) };
  } finally {
    wipe(chunk);
    if (fd !== undefined) closeSync(fd);
  }
}

/**
 * Opens a sealed file into a file of plaintext. Synchronous, for worker threads; on an event loop use EnvelopeWorker.
 * Memory: two chunks. The output appears only after every chunk, the end of the file and (where given) the digest have
 * been verified; on a fault there is none.
 */
export function openFileSync(job: OpenFileJob): Result<Opened, OpenFileFaultCode> {
  const opened = openSealedReader(job);
  if (!opened.ok) return opened;
  const reader = opened.value;
  let output: AtomicFile | undefined;
  try {
    const file = new AtomicFile(job.plainPath);
    output = file;
    const verified = reader.verify({
      ...(job.payload === undefined ? {} : { payload: job.payload }),
      visit: (plain) => file.write(plain),
    });
    if (!verified.ok) return verified;
    file.commit();
    return ok({ payload: verified.value, plainBytes: job.context.plainBytes });
  } catch (error) {
    const fault: Fault<'STORAGE_FAILED'> = storageFault('open: write the plaintext', error);
    return { ok: false, fault };
  } finally {
    output?.abandon(); // Does nothing after a commit.
    reader.close();
  }
}
