import { createPublicKey, type KeyObject, verify } from 'node:crypto';
import { ok, type Result, refuse } from '../../../base/fault.ts';
import { ed25519PublicKeyOf } from '../../../proto/envelope/crypto/ed25519.ts';
import { vetSigningPublicKey } from '../../../proto/envelope/crypto/keys.ts';

/** A public key that operators trust to sign images. */
export type ImageKey = KeyObject;

const wanted = 'a public key as PEM (ECDSA or Ed25519, such as cosign.pub) or 64 hexadecimal digits of an Ed25519 key';

/** A key as `cosign generate-key-pair` and as `testudo root new-key` print it. */
export function readImageKey(text: string): Result<ImageKey, 'KEY_INVALID'> {
  const trimmed = text.trim();
  if (/^[0-9a-f]{64}$/i.test(trimmed)) return ofEd25519(Buffer.from(trimmed, 'hex'));
  let key: KeyObject;
  try {
    if (!trimmed.startsWith('-----BEGIN PUBLIC KEY-----')) throw new TypeError('no public key');
    key = createPublicKey(trimmed);
  } catch (error) {
    return refuse('KEY_INVALID', `image key: expected ${wanted} (${(error as Error).message})`);
  }
  if (key.asymmetricKeyType === 'ec') return ok(key);
  if (key.asymmetricKeyType !== 'ed25519') {
    return refuse('KEY_INVALID', `image key: expected ${wanted}, got a key of type ${key.asymmetricKeyType}`);
  }
  const { x = '' } = key.export({ format: 'jwk' });
  return ofEd25519(Buffer.from(x, 'base64url'));
}

/** Whether one of the keys made this signature over the message: ECDSA over its SHA-256, Ed25519 over itself. Any bytes as signature. */
export function isSignedBy(keys: readonly ImageKey[], message: Uint8Array, signature: Uint8Array): boolean {
  return keys.some((key) => {
    try {
      return verify(key.asymmetricKeyType === 'ec' ? 'sha256' : null, message, key, signature);
    } catch {
      return false; // Bytes that are no signature of this kind of key.
    }
  });
}

/** A key of small order signs everything. */
function ofEd25519(bytes: Buffer): Result<ImageKey, 'KEY_INVALID'> {
  const vetted = vetSigningPublicKey(bytes);
  return vetted.ok ? ok(ed25519PublicKeyOf(vetted.value)) : refuse('KEY_INVALID', vetted.fault.message);
}
