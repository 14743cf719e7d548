import { signingKeyPairOf } from '../../proto/envelope/crypto/keys.ts';
import { verifyHeader } from '../../proto/envelope/header.ts';
import type { TrackId } from '../../proto/ids.ts';
import type { ClusterIdentity } from '../link/identity-store.ts';
import type { Outbox, Restored } from './outbox.ts';

/** The update that an earlier run left, if it is this member's: one signed by the key of an earlier enrolment is removed. */
export async function restoreUpdate(
  outbox: Outbox,
  track: TrackId,
  { signingSeed }: ClusterIdentity,
): Promise<Restored | undefined> {
  const restored = await outbox.restore(track);
  if (restored === undefined) return undefined;
  const { header, signature, round } = restored.kept;
  if (verifyHeader(header, signature, signingKeyPairOf(signingSeed).publicKey).ok) return restored;
  await outbox.drop(track, round);
  return undefined;
}
