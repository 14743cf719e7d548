import { createPrivateKey, generateKeyPairSync } from 'node:crypto';
import { ok, type Result, refuse } from '../../base/fault.ts';
import type { OperatorCredentials } from '../../coordinator/keys/operator-credentials.ts';
import { type SigningKeyPair, signingKeyPairOf } from '../../proto/envelope/crypto/keys.ts';
import { wipe } from '../../proto/envelope/crypto/wipe.ts';

/** A fresh key that signs pins, PKCS #8 PEM. */
export function newPinKey(): string {
  return generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
}

/** The pair of such a PEM text. */
export function pinKeyPair(pem: string): SigningKeyPair {
  const { d } = createPrivateKey(pem).export({ format: 'jwk' });
  if (d === undefined) throw new Error('pin key: not an Ed25519 key');
  const seed = Buffer.from(d, 'base64url');
  try {
    return signingKeyPairOf(seed);
  } finally {
    wipe(seed);
  }
}

/** The pair that an operator signs pins with. */
export function pinKeyOf({
  name,
  pinKey,
}: Pick<OperatorCredentials, 'name' | 'pinKey'>): Result<SigningKeyPair, 'PIN_KEY_ABSENT'> {
  if (pinKey !== undefined) return ok(pinKeyPair(pinKey));
  return refuse(
    'PIN_KEY_ABSENT',
    `${name} has no key for pins; make one with \`testudo pins key\` and have its public half rotated into root`,
  );
}
