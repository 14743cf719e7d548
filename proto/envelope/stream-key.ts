import { createHash, hkdfSync } from 'node:crypto';
import { bulkKeyBytes, bulkNonceBytes } from './crypto/bulk.ts';
import { contextBytes, type UpdateContext } from './header.ts';

const streamDomainTag = 'testudo/v1/stream';

/**
 * The key of an upload's chunks: HKDF-SHA-256 (RFC 5869) of the content key, salted with both public keys, for exactly
 * one context. A payload moved to another federation, track, round, cluster, base, schema, codec or length does not open.
 */
export function streamKey(
  contentKey: Uint8Array,
  ephemeralPublicKey: Uint8Array,
  roundPublicKey: Uint8Array,
  context: UpdateContext,
): Buffer {
  const salt = Buffer.concat([ephemeralPublicKey, roundPublicKey]);
  const contextDigest = createHash('sha256').update(contextBytes(context)).digest();
  const info = Buffer.concat([Buffer.from(streamDomainTag, 'utf8'), contextDigest]);
  return Buffer.from(hkdfSync('sha256', contentKey, salt, info, bulkKeyBytes));
}

/**
 * The nonce of chunk `index` in the STREAM construction: an 11-byte big-endian counter and a byte that is 1 for the last
 * chunk only. Chunks cannot be moved, doubled or dropped, and a cut payload lacks its last chunk. Hoang, Reyhanitabar,
 * Rogaway, Vizár, "Online Authenticated-Encryption and its Nonce-Reuse Misuse-Resistance", CRYPTO 2015; as in age.
 */
export function chunkNonce(index: number, isLast: boolean): Buffer {
  const nonce = Buffer.alloc(bulkNonceBytes);
  nonce.writeUInt32BE(index, bulkNonceBytes - 5); // At most 4,096 chunks in 1 GiB: the upper counter bytes stay 0.
  nonce.writeUInt8(isLast ? 1 : 0, bulkNonceBytes - 1);
  return nonce;
}
