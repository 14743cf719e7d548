import type { BlobStore } from '../blobs/blob-store.ts';
import type { State } from '../ledger/state/state.ts';

/** Ended rounds of a track whose sealed updates are kept, as evidence: nobody can open them, but by keys kept for that. */
const sealedRoundsKept = 1;

/** Removes the sealed updates of rounds that ended longer ago. `swept` remembers which were done in this run. */
export async function sweepSealed(state: State, blobs: BlobStore, swept: Set<string>): Promise<void> {
  for (const { track, rounds } of state.tracks.values()) {
    const ended = [...rounds.values()].filter(({ phase }) => phase.kind === 'candidate' || phase.kind === 'abandoned');
    for (const { round, phase, inputKeys } of ended.slice(0, -sealedRoundsKept)) {
      const name = `${track}/${round}`;
      if (swept.has(name) || !('accepted' in phase) || inputKeys?.destroyedAtMs === null) continue;
      swept.add(name);
      for (const { payloadDigest } of phase.accepted) await blobs.remove(payloadDigest);
    }
  }
}
