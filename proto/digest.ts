import { hash } from 'node:crypto';
import type { Digest } from './ids.ts';

/** SHA-256 of bytes, as the text form used everywhere: on the wire, in the journal, as a blob's name. */
export function digestOf(bytes: Uint8Array): Digest {
  return `sha256:${hash('sha256', bytes, 'hex')}` as Digest;
}

/** The 32 raw bytes of a digest's text form. */
export function digestBytes(digest: Digest): Buffer {
  return Buffer.from(digest.slice('sha256:'.length), 'hex');
}

/** The text form of a SHA-256 that was computed elsewhere, piece by piece for example. Throws on other than 32 bytes. */
export function digestFromBytes(sha256: Uint8Array): Digest {
  if (sha256.byteLength !== 32) throw new RangeError(`digest: expected 32 bytes, got ${sha256.byteLength}`);
  return `sha256:${Buffer.from(sha256).toString('hex')}` as Digest;
}
