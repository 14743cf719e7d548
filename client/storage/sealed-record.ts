import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import { ok, type Result, refuse } from '../../base/fault.ts';

const ivBytes = 12;
const tagBytes = 16;

/** What a sealed record is longer than its plaintext by. */
export const sealedOverheadBytes = ivBytes + tagBytes;

/** One 32-byte key per purpose (HKDF-SHA-256, RFC 5869), so that no two kinds of file share a key. */
export type RecordKey = Readonly<{ purpose: string; bytes: Buffer }>;

export function recordKey(dataKey: Uint8Array, purpose: string): RecordKey {
  if (dataKey.length !== 32) throw new RangeError(`data key: expected 32 bytes, got ${dataKey.length}`);
  return { purpose, bytes: Buffer.from(hkdfSync('sha256', dataKey, '', `testudo/v1/at-rest/${purpose}`, 32)) };
}

/**
 * AES-256-GCM: a random 96-bit nonce, the ciphertext, the 128-bit tag. `place` says where the record belongs (a file's
 * name, a slot's number): moved elsewhere it no longer opens. NIST SP 800-38D's bound of 2^32 records per key holds.
 */
export function sealRecord(key: RecordKey, plain: Uint8Array, place: string): Buffer {
  const iv = randomBytes(ivBytes);
  const cipher = createCipheriv('aes-256-gcm', key.bytes, iv);
  cipher.setAAD(Buffer.from(place, 'utf8'));
  return Buffer.concat([iv, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
}

export function openRecord(
  key: RecordKey,
  sealed: Uint8Array,
  place: string,
): Result<Buffer, 'RECORD_SHORT' | 'RECORD_NOT_OURS'> {
  if (sealed.length < sealedOverheadBytes) {
    return refuse(
      'RECORD_SHORT',
      `${place}: ${sealed.length} bytes, a sealed record has at least 28; it was cut short`,
    );
  }
  const decipher = createDecipheriv('aes-256-gcm', key.bytes, sealed.subarray(0, ivBytes));
  decipher.setAAD(Buffer.from(place, 'utf8'));
  decipher.setAuthTag(sealed.subarray(sealed.length - tagBytes));
  try {
    return ok(Buffer.concat([decipher.update(sealed.subarray(ivBytes, sealed.length - tagBytes)), decipher.final()]));
  } catch {
    return refuse('RECORD_NOT_OURS', `${place}: does not open; the data key is another one or the bytes were altered`);
  }
}
