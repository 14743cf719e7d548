import type { Digest } from '../../../proto/ids.ts';
import type { Release } from '../../ledger/state/releasing.ts';
import type { State } from '../../ledger/state/state.ts';

/**
 * What agents may fetch: manifests and files of releases that are not retired, antibodies by themselves, which a pin may keep in
 * use after releases have left them out, and no other blob.
 */
export class ServedFiles {
  readonly #state: () => State;
  #bytes: ReadonlyMap<Digest, number> = new Map();
  #builtFor: readonly (readonly unknown[])[] | undefined;

  constructor(state: () => State) {
    this.#state = state;
  }

  /** Size; undefined for what nobody may fetch. */
  bytesOf(digest: Digest): number | undefined {
    const tracks = [...this.#state().tracks.values()];
    const lists = tracks.flatMap(({ releasing, antibodies }) => [releasing.releases, antibodies]);
    // Built anew when a release or an antibody came or went: the lists are replaced, never changed.
    const known = this.#builtFor;
    if (known?.length !== lists.length || lists.some((list, index) => list !== known[index])) {
      this.#builtFor = lists;
      const alone = tracks.flatMap(({ antibodies }) => antibodies.map(({ digest, bytes }) => [digest, bytes] as const));
      this.#bytes = new Map([...alone, ...tracks.flatMap(({ releasing }) => releasing.releases).flatMap(filesOf)]);
    }
    return this.#bytes.get(digest);
  }
}

function filesOf({ retired, manifest, manifestDigest, manifestBytes }: Release): (readonly [Digest, number])[] {
  if (retired) return [];
  return [[manifestDigest, manifestBytes], ...manifest.files.map((file) => [file.digest, file.bytes] as const)];
}
