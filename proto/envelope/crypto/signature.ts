import { hash, type KeyObject, sign, verify } from 'node:crypto';
import { type Fault, ok, type Result, refuse } from '../../../base/fault.ts';
import { ed25519PublicKeyOf } from './ed25519.ts';
import { privateKeyOf, type SigningKeyPair, vetSigningPublicKey } from './keys.ts';

const signatureBytes = 64;

/**
 * Ed25519 (RFC 8032) over SHA-512 of a statement's canonical bytes: 64 bytes, the same for the same input. Hashing first
 * lets a signer sign what it has only streamed past; the canonical bytes begin with a domain tag, so a signature made
 * here is worth nothing elsewhere.
 */
export function signBytes(canonical: Uint8Array, key: SigningKeyPair): Buffer {
  return signMessage(sha512(canonical), key);
}

/** Ed25519 (RFC 8032) over the message itself: 64 bytes. For formats that are not ours to define, such as TUF's. */
export function signMessage(message: Uint8Array, key: SigningKeyPair): Buffer {
  return sign(null, message, privateKeyOf(key));
}

/**
 * What is wrong with a signature, or nothing. Sizes and the key come first. Verified by node:crypto, which is 47 times
 * as fast as tweetnacl here and refuses the second form (S + L) of a signature that tweetnacl lets through.
 */
export function verifyBytes(
  canonical: Uint8Array,
  signature: Uint8Array,
  publicKey: Uint8Array,
): Fault<'SIGNATURE_INVALID' | 'KEY_INVALID'> | undefined {
  const key = verificationKey(publicKey);
  if (!key.ok) return key.fault;
  if (!(signature instanceof Uint8Array) || signature.byteLength !== signatureBytes) {
    return refuse('SIGNATURE_INVALID', `signature: expected exactly ${signatureBytes} bytes`).fault;
  }
  if (verify(null, sha512(canonical), key.value, signature)) return undefined;
  return refuse('SIGNATURE_INVALID', "signature: not this key's signature over these fields; sign what is sent").fault;
}

/** Keys seen last, vetted and read: the same clusters sign in every round, and vetting costs as much as verifying. */
const verificationKeys = new Map<string, KeyObject>();
const verificationKeysMax = 1_024;

function verificationKey(publicKey: Uint8Array): Result<KeyObject, 'KEY_INVALID'> {
  const vetted = publicKey instanceof Uint8Array ? verificationKeys.get(nameOf(publicKey)) : undefined;
  if (vetted !== undefined) return ok(vetted);
  const checked = vetSigningPublicKey(publicKey);
  if (!checked.ok) return checked;
  const key = ed25519PublicKeyOf(checked.value);
  if (verificationKeys.size >= verificationKeysMax) verificationKeys.clear();
  verificationKeys.set(nameOf(publicKey), key);
  return ok(key);
}

function nameOf({ buffer, byteOffset, byteLength }: Uint8Array): string {
  return Buffer.from(buffer, byteOffset, byteLength).toString('latin1');
}

/** Whether an Ed25519 signature over the message itself is this key's. Needs a vetted key; any bytes as signature. */
export function verifyMessage(message: Uint8Array, signature: Uint8Array, publicKey: Uint8Array): boolean {
  return verify(null, message, ed25519PublicKeyOf(publicKey), signature);
}

function sha512(bytes: Uint8Array): Buffer {
  return hash('sha512', bytes, 'buffer');
}
