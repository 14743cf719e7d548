import { specLimits } from '../model-spec.ts';

/**
 * The sealed payload, format version 1: a prologue, then the plaintext in chunks (docs/envelope.md has the layout, and
 * vectors.json fixes it for ever).
 */
export const format = {
  magic: Buffer.from('TSTU', 'ascii'),
  version: 1,
  /** Version 1 has this one chunk size; it stands in the prologue so that a later version can say another. */
  chunkSizeLog2: 18,
  /** Plaintext of every chunk but the last, bytes: 256 KiB. */
  chunkBytes: 2 ** 18,
  /** The Poly1305 tag that follows each chunk, bytes. */
  tagBytes: 16,
  /** Magic 4, version 1, chunk size 1, ephemeral key 32, boxed content key 48. */
  prologueBytes: 86,
  /** Largest plaintext, bytes: 1 GiB, what the largest model spec needs. */
  plainBytesMax: specLimits.elementsMax * 4,
} as const;

/** Whether a declared plaintext size is one that can be sealed: whole float32 values, at least one, at most 1 GiB. */
export function isPlainBytes(candidate: unknown): candidate is number {
  return (
    typeof candidate === 'number' &&
    Number.isSafeInteger(candidate) &&
    candidate >= 4 &&
    candidate <= format.plainBytesMax &&
    candidate % 4 === 0
  );
}

/** How many chunks a plaintext of a legal size has: at least 1. */
export function chunkCount(plainBytes: number): number {
  return Math.ceil(plainBytes / format.chunkBytes);
}

/** Plaintext bytes of chunk `index`: all full but the last, which is never empty. */
export function chunkPlainBytes(plainBytes: number, index: number): number {
  return Math.min(format.chunkBytes, plainBytes - index * format.chunkBytes);
}

/** Where chunk `index` starts in the sealed payload. */
export function chunkOffset(index: number): number {
  return format.prologueBytes + index * (format.chunkBytes + format.tagBytes);
}

/** The exact size of the sealed payload of a legal plaintext size. */
export function sealedLength(plainBytes: number): number {
  return format.prologueBytes + plainBytes + chunkCount(plainBytes) * format.tagBytes;
}
