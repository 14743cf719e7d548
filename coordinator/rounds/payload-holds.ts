import type { Digest } from '../../proto/ids.ts';
import type { BlobStore } from '../blobs/blob-store.ts';

/**
 * Payloads that are found stored and not yet in the journal: none of them is removed meanwhile, and none is found while it is being
 * removed. Their bytes may lie there from an earlier round, or as another cluster's, which are removed when those are over: a
 * receipt would stand for bytes that are gone.
 */
export class PayloadHolds {
  readonly #held = new Map<Digest, number>();
  readonly #going = new Map<Digest, Promise<void>>();

  /** Resolves once nobody is removing it; who holds it calls what comes back when its acceptance is decided, once. */
  async hold(digest: Digest): Promise<() => void> {
    for (let going = this.#going.get(digest); going !== undefined; going = this.#going.get(digest)) await going;
    this.#held.set(digest, (this.#held.get(digest) ?? 0) + 1);
    return () => {
      const others = (this.#held.get(digest) ?? 0) - 1;
      if (others > 0) this.#held.set(digest, others);
      else this.#held.delete(digest);
    };
  }

  /** Removes what nobody holds and nothing needs. Whoever holds it decides about it afterwards. */
  async remove(digest: Digest, blobs: Pick<BlobStore, 'remove'>, isNeeded: () => boolean): Promise<void> {
    if (this.#held.has(digest) || isNeeded()) return;
    const going = blobs.remove(digest);
    const over = going.then(
      () => {},
      () => {},
    );
    this.#going.set(digest, over);
    try {
      await going;
    } finally {
      if (this.#going.get(digest) === over) this.#going.delete(digest);
    }
  }
}
