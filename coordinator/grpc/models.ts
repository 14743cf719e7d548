import type { Digest } from '../../proto/ids.ts';
import type { State } from '../state/state.ts';

/** Whether a blob is a global model: those, and no other blob, may be fetched. Newest first, since those are wanted. */
export function isServedModel({ tracks }: Pick<State, 'tracks'>, digest: Digest): boolean {
  for (const { models } of tracks.values()) {
    for (let version = models.length - 1; version >= 0; version -= 1) {
      if (models[version]?.digest === digest) return true;
    }
  }
  return false;
}
