import { newRoundKeyPair, roundKeyPairOf, wipeKeyPair } from '../../proto/envelope/crypto/keys.ts';
import type { RoundId, TrackId } from '../../proto/ids.ts';
import type { KeyStore } from '../keys/key-store.ts';

/** The name of a round's secret key in the key store. */
export function roundKeyName(track: TrackId, round: RoundId): string {
  return `round.${track}.${round}`;
}

/** Makes the key pair of a round that is about to open: secret stored durably. Returns the public key, base64. */
export async function makeRoundKey(keyStore: KeyStore, track: TrackId, round: RoundId): Promise<string> {
  const pair = newRoundKeyPair();
  try {
    await keyStore.put(roundKeyName(track, round), pair.secretKey);
    return Buffer.from(pair.publicKey).toString('base64');
  } finally {
    wipeKeyPair(pair);
  }
}

/** The public key, base64, of a round whose secret is stored; undefined when it is gone. */
export async function publicRoundKey(keyStore: KeyStore, track: TrackId, round: RoundId): Promise<string | undefined> {
  const secret = await keyStore.get(roundKeyName(track, round));
  if (secret === undefined) return undefined;
  const pair = roundKeyPairOf(secret);
  try {
    return Buffer.from(pair.publicKey).toString('base64');
  } finally {
    wipeKeyPair(pair);
    secret.fill(0);
  }
}
