import type { Digest } from '../../../proto/ids.ts';
import type { Release } from '../../ledger/state/releasing.ts';
import type { State } from '../../ledger/state/state.ts';

/** What agents may fetch: manifests and files of releases that are not retired, and no other blob. */
export class ServedFiles {
  readonly #state: () => State;
  #bytes: ReadonlyMap<Digest, number> = new Map();
  #builtFor: readonly (readonly Release[])[] | undefined;

  constructor(state: () => State) {
    this.#state = state;
  }

  /** Size; undefined for what nobody may fetch. */
  bytesOf(digest: Digest): number | undefined {
    const releases = [...this.#state().tracks.values()].map(({ releasing }) => releasing.releases);
    // Built anew when a release came or went: the lists are replaced, never changed.
    const known = this.#builtFor;
    if (known?.length !== releases.length || releases.some((list, index) => list !== known[index])) {
      this.#builtFor = releases;
      this.#bytes = new Map(releases.flat().flatMap(filesOf));
    }
    return this.#bytes.get(digest);
  }
}

function filesOf({ retired, manifest, manifestDigest, manifestBytes }: Release): (readonly [Digest, number])[] {
  if (retired) return [];
  return [[manifestDigest, manifestBytes], ...manifest.files.map((file) => [file.digest, file.bytes] as const)];
}
