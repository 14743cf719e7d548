import { createHash } from 'node:crypto';
import nacl from 'tweetnacl';
import { boxKey } from './agreement.ts';
import type { RoundKeyPair } from './keys.ts';
import { wipe } from './wipe.ts';

/**
 * The small box that carries an upload's content key to the round's key: NaCl's box (X25519, XSalsa20-Poly1305).
 * The nonce is derived, never chosen: the first 24 bytes of SHA-512(tag ‖ ephemeral key ‖ round key). One ephemeral pair
 * boxes one content key, so a pair of keys never sees a nonce twice.
 */
export const contentKeyBytes = 32;
export const boxedKeyBytes = contentKeyBytes + nacl.secretbox.overheadLength;

const boxDomainTag = 'testudo/v1/box';

/** `contentKey` (32 bytes) boxed to a vetted round key: 48 bytes. */
export function boxContentKey(contentKey: Uint8Array, roundPublicKey: Uint8Array, ephemeral: RoundKeyPair): Uint8Array {
  const key = boxKey(roundPublicKey, ephemeral.secretKey);
  try {
    return nacl.secretbox(contentKey, boxNonce(ephemeral.publicKey, roundPublicKey), key);
  } finally {
    wipe(key);
  }
}

/** The content key, or nothing where the box was not made for this round key. `ephemeralPublicKey` must be vetted. */
export function unboxContentKey(
  boxed: Uint8Array,
  ephemeralPublicKey: Uint8Array,
  round: RoundKeyPair,
): Uint8Array | undefined {
  const nonce = boxNonce(ephemeralPublicKey, round.publicKey);
  const key = boxKey(ephemeralPublicKey, round.secretKey);
  try {
    return nacl.secretbox.open(boxed, nonce, key) ?? undefined;
  } finally {
    wipe(key);
  }
}

function boxNonce(ephemeralPublicKey: Uint8Array, roundPublicKey: Uint8Array): Uint8Array {
  return createHash('sha512')
    .update(boxDomainTag)
    .update(ephemeralPublicKey)
    .update(roundPublicKey)
    .digest()
    .subarray(0, nacl.secretbox.nonceLength);
}
