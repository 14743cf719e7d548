import { hash } from 'node:crypto';
import { canonicalBytes, type JsonValue } from '../../../base/canonical-json.ts';

/** TUF's form of an Ed25519 public key (32 bytes). */
export function tufKey(publicKey: Uint8Array) {
  return { keytype: 'ed25519', scheme: 'ed25519', keyval: { public: Buffer.from(publicKey).toString('hex') } };
}

/** SHA-256 of a key's canonical form: 64 hexadecimal digits (TUF 1.0.34, 4.2). */
export function idOfTufKey(key: JsonValue): string {
  return hash('sha256', canonicalBytes(key), 'hex');
}

/** Ids of keys that were asked for, by their hexadecimal form: a signature asks for its key's each time. */
const ids = new Map<string, string>();
const idsMax = 1_000;

/** What signatures and roots call an Ed25519 public key (32 bytes). */
export function keyIdOf(publicKey: Uint8Array): string {
  const key = tufKey(publicKey);
  const known = ids.get(key.keyval.public);
  if (known !== undefined) return known;
  const id = idOfTufKey(key);
  if (ids.size >= idsMax) ids.clear();
  ids.set(key.keyval.public, id);
  return id;
}
