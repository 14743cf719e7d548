import { type KeyObject, randomBytes } from 'node:crypto';
import { ok, type Result, refuse } from '../../../base/fault.ts';
import { x25519PublicKey } from './agreement.ts';
import { ed25519PrivateKeyOf, ed25519PublicBytes } from './ed25519.ts';
import { ed25519Fault, x25519Fault } from './weak-points.ts';
import { wipe } from './wipe.ts';

/** X25519, 32 bytes each. A round's pair lives as long as the round; an upload's ephemeral pair as long as sealing. */
export type RoundKeyPair = Readonly<{ publicKey: Uint8Array; secretKey: Uint8Array }>;

/** Ed25519: public key 32 bytes; secret key 64 bytes, the 32-byte seed and then the public key. */
export type SigningKeyPair = Readonly<{ publicKey: Uint8Array; secretKey: Uint8Array }>;

export const publicKeyBytes = 32;
const seedBytes = 32;

/** A fresh X25519 pair. `wipeKeyPair` it when its round ends. */
export function newRoundKeyPair(): RoundKeyPair {
  return pairOf(new Uint8Array(randomBytes(seedBytes)));
}

/** The pair of a stored 32-byte X25519 secret key. Throws a RangeError on another length. */
export function roundKeyPairOf(secretKey: Uint8Array): RoundKeyPair {
  checkSecretLength('round secret key', secretKey);
  return pairOf(new Uint8Array(secretKey));
}

function pairOf(secretKey: Uint8Array): RoundKeyPair {
  return { publicKey: x25519PublicKey(secretKey), secretKey };
}

/** A fresh Ed25519 pair. */
export function newSigningKeyPair(): SigningKeyPair {
  const seed = randomBytes(seedBytes);
  try {
    return signingPairOf(seed);
  } finally {
    wipe(seed);
  }
}

/** The Ed25519 pair of a stored 32-byte seed (RFC 8032's private key). Throws a RangeError on another length. */
export function signingKeyPairOf(seed: Uint8Array): SigningKeyPair {
  checkSecretLength('signing seed', seed);
  return signingPairOf(seed);
}

function signingPairOf(seed: Uint8Array): SigningKeyPair {
  const publicKey = ed25519PublicBytes(seed);
  const secretKey = new Uint8Array(seedBytes + publicKeyBytes);
  secretKey.set(seed);
  secretKey.set(publicKey, seedBytes);
  return { publicKey, secretKey };
}

/** By secret key, for as long as somebody holds it: reading one costs more than twice what signing does. */
const privateKeys = new WeakMap<Uint8Array, KeyObject>();

/** The private half as node:crypto has it. */
export function privateKeyOf({ secretKey }: SigningKeyPair): KeyObject {
  const known = privateKeys.get(secretKey);
  if (known !== undefined) return known;
  const key = ed25519PrivateKeyOf(secretKey.subarray(0, seedBytes));
  privateKeys.set(secretKey, key);
  return key;
}

/** Zeros the secret half; see wipe.ts for what that does not promise. */
export function wipeKeyPair(pair: RoundKeyPair | SigningKeyPair): void {
  wipe(pair.secretKey);
  privateKeys.delete(pair.secretKey);
}

/**
 * A peer's X25519 public key that is safe to agree on a secret with: 32 bytes, canonical (RFC 7748 would mask and
 * reduce others, which makes two texts of one key), not of small order (the secret would be all zeros).
 */
export function vetRoundPublicKey(candidate: unknown): Result<Uint8Array, 'KEY_INVALID'> {
  return vet('round key (X25519)', candidate, x25519Fault);
}

/**
 * A peer's Ed25519 public key that is safe to verify with: 32 bytes, the canonical encoding of a point on the curve
 * (RFC 8032 5.1.3), not of small order (one signature would fit many messages). A point with a small-order part beside
 * a large one passes, as in RFC 8032: only its owner can make signatures for it.
 */
export function vetSigningPublicKey(candidate: unknown): Result<Uint8Array, 'KEY_INVALID'> {
  return vet('signing key (Ed25519)', candidate, ed25519FaultOnce);
}

/** The same few keys come with every set of release metadata, and each check costs half a millisecond. */
const soundKeysMax = 256;
const soundKeys = new Set<string>();

function ed25519FaultOnce(key: Uint8Array): string | undefined {
  const name = Buffer.from(key).toString('latin1');
  if (soundKeys.has(name)) return undefined;
  const fault = ed25519Fault(key);
  if (fault !== undefined) return fault;
  if (soundKeys.size >= soundKeysMax) soundKeys.clear();
  soundKeys.add(name);
  return undefined;
}

function vet(
  what: string,
  candidate: unknown,
  findFault: (key: Uint8Array) => string | undefined,
): Result<Uint8Array, 'KEY_INVALID'> {
  if (!(candidate instanceof Uint8Array) || candidate.byteLength !== publicKeyBytes) {
    return refuse('KEY_INVALID', `${what}: expected exactly ${publicKeyBytes} bytes`);
  }
  const fault = findFault(candidate);
  return fault === undefined ? ok(candidate) : refuse('KEY_INVALID', `${what}: ${fault}; use a generated key`);
}

function checkSecretLength(what: string, secret: Uint8Array): void {
  if (!(secret instanceof Uint8Array) || secret.byteLength !== seedBytes) {
    throw new RangeError(`${what}: expected exactly ${seedBytes} bytes`);
  }
}
