import { newRoundKeyPair, roundKeyPairOf, wipeKeyPair } from '../../proto/envelope/crypto/keys.ts';
import type { RoundId, TrackId } from '../../proto/ids.ts';
import type { KeyStore } from '../keys/key-store.ts';
import type { State } from '../ledger/state/state.ts';

/** The name of a round's secret key in the key store. */
export function roundKeyName(track: TrackId, round: RoundId): string {
  return `round.${track}.${round}`;
}

/**
 * Makes the key pair of a round that is about to open: secret stored durably. Returns the public key, base64. A key that
 * lies there already is taken and never replaced: a crash left it before anybody could learn of it, two operators open the round
 * at once, or another coordinator has taken over and runs this very round.
 */
export async function makeRoundKey(keyStore: KeyStore, track: TrackId, round: RoundId): Promise<string> {
  for (;;) {
    const known = await publicRoundKey(keyStore, track, round);
    if (known !== undefined) return known;
    const pair = newRoundKeyPair();
    try {
      // Another who opens the same round may have been quicker: what is sealed to a key that is not stored is lost.
      const isOurs = await keyStore.add(roundKeyName(track, round), pair.secretKey);
      if (isOurs) return Buffer.from(pair.publicKey).toString('base64');
    } finally {
      wipeKeyPair(pair);
    }
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

/**
 * Destroys keys of ended rounds that are there again: a coordinator that was fenced may have made one for a round that it
 * did not know to be over. For the start, over the recent rounds that the state holds.
 */
export async function sweepRoundKeys({ tracks }: Pick<State, 'tracks'>, keyStore: KeyStore): Promise<void> {
  const gone: string[] = [];
  for (const { track, rounds } of tracks.values()) {
    for (const { round, keyDestroyedAtMs } of rounds.values()) {
      if (keyDestroyedAtMs !== null) gone.push(roundKeyName(track, round));
    }
  }
  // Asked first, and for all at once: destroying syncs, whatever there was, and a takeover waits for this.
  for (const name of await keyStore.present(gone)) await keyStore.destroy(name);
}
