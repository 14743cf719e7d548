import { createHash } from 'node:crypto';
import type { Digest } from './ids.ts';

/** SHA-256 of bytes, as the text form used everywhere: on the wire, in the journal, as a blob's name. */
export function digestOf(bytes: Uint8Array): Digest {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}` as Digest;
}

/** The 32 raw bytes of a digest's text form. */
export function digestBytes(digest: Digest): Buffer {
  return Buffer.from(digest.slice('sha256:'.length), 'hex');
}
