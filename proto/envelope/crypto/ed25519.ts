import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { wipe } from './wipe.ts';

// The fixed DER heads of RFC 8410 keys: node:crypto takes a raw Ed25519 key only inside one.
const pkcs8Head = Buffer.from('302e020100300506032b657004220420', 'hex');
const spkiHead = Buffer.from('302a300506032b6570032100', 'hex');

/** The private key of 32 bytes of seed, as node:crypto has it. */
export function ed25519PrivateKeyOf(seed: Uint8Array): KeyObject {
  const der = Buffer.concat([pkcs8Head, seed]);
  try {
    return createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  } finally {
    wipe(der);
  }
}

/** A vetted public key of 32 bytes, as node:crypto has it. */
export function ed25519PublicKeyOf(publicKey: Uint8Array): KeyObject {
  return createPublicKey({ key: Buffer.concat([spkiHead, publicKey]), format: 'der', type: 'spki' });
}

/** The public key of 32 bytes of seed: RFC 8032, by node:crypto, which is some forty times as fast as tweetnacl. */
export function ed25519PublicBytes(seed: Uint8Array): Uint8Array {
  const der = createPublicKey(ed25519PrivateKeyOf(seed)).export({ format: 'der', type: 'spki' });
  return new Uint8Array(der.subarray(spkiHead.length));
}
