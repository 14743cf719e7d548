import type { Digest } from '../../../proto/ids.ts';
import type { ProveLead } from '../blob-store.ts';
import type { Bucket } from './bucket.ts';

/** A blob younger than this, by the store's own clock, is never removed: someone may be about to name it. */
export const removalAgeMs = 24 * 3_600_000;
/** So many removals rest on one proof that this coordinator still leads. */
const perProof = 64;

/** `isUnnamed`: asked for as what nothing names, so that a name keeps it at any sweep. */
type Mark = { sweeps: number; wasNamed: boolean; isUnnamed: boolean };

/**
 * Removals that are asked for now and carried out late: by the leader alone, at the second sweep after they were asked for,
 * of what is a day old by the store's clock, and of nothing that was asked for, put or looked at since. Where anything is in
 * doubt the bytes stay: what leaks costs room, what is lost cannot be had again.
 */
export class LateRemovals {
  readonly #bucket: Bucket;
  readonly #ageMs: number;
  readonly #forget: (digest: Digest) => Promise<void>;
  readonly #marks = new Map<Digest, Mark>();
  readonly #going = new Map<Digest, Promise<unknown>>();

  /** `forget` lets go of what this machine has of a blob that nothing named. */
  constructor(bucket: Bucket, ageMs: number, forget: (digest: Digest) => Promise<void>) {
    this.#bucket = bucket;
    this.#ageMs = ageMs;
    this.#forget = forget;
  }

  get size(): number {
    return this.#marks.size;
  }

  /** Nobody needs it any more. */
  ask(digest: Digest): void {
    const mark = this.#marks.get(digest);
    if (mark === undefined) this.#marks.set(digest, { sweeps: 0, wasNamed: true, isUnnamed: false });
    else mark.isUnnamed = false;
  }

  /** Nothing named it when somebody looked. */
  askUnnamed(digest: Digest): void {
    if (!this.#marks.has(digest)) this.#marks.set(digest, { sweeps: 0, wasNamed: false, isUnnamed: true });
  }

  /** Somebody has to do with it: it stays, and where it is on its way out he waits, and then sees that it is gone. */
  async keep(digest: Digest): Promise<void> {
    this.#marks.delete(digest);
    await this.#going.get(digest);
  }

  /** One sweep. Returns how many blobs went. */
  async sweep(prove: ProveLead): Promise<number> {
    const due = [...this.#marks].filter(([, { sweeps }]) => sweeps > 0);
    let removed = 0;
    for (let at = 0; at < due.length; at += perProof) {
      const named = await prove();
      if (named === undefined) return removed;
      for (const [digest, mark] of due.slice(at, at + perProof)) {
        if (await this.#remove(digest, mark, named)) removed += 1;
      }
    }
    const fresh = [...this.#marks].filter(([, { sweeps }]) => sweeps === 0);
    const named = fresh.length === 0 ? undefined : await prove();
    for (const [digest, mark] of fresh) {
      if (named === undefined) break;
      const wasNamed = named.has(hexOf(digest));
      if (mark.isUnnamed && wasNamed) this.#marks.delete(digest);
      else Object.assign(mark, { sweeps: 1, wasNamed });
    }
    return removed;
  }

  async #remove(digest: Digest, mark: Mark, named: ReadonlySet<string>): Promise<boolean> {
    const isAsked = () => this.#marks.get(digest) === mark; // Kept, and perhaps asked for again, is another matter.
    if (!isAsked()) return false;
    if (!mark.wasNamed && named.has(hexOf(digest))) {
      this.#marks.delete(digest);
      return false;
    }
    const found = await this.#bucket.head(digest);
    if (!found.ok || !isAsked()) return false;
    if (found.value === undefined) {
      this.#marks.delete(digest);
      if (mark.isUnnamed) await this.#forget(digest);
      return false;
    }
    const { ageMs } = found.value;
    if (ageMs === undefined || ageMs < this.#ageMs) return false;
    const going = this.#bucket.remove(digest).finally(() => this.#going.delete(digest));
    this.#going.set(digest, going);
    const gone = await going;
    if (gone.ok && isAsked()) {
      this.#marks.delete(digest);
      if (mark.isUnnamed) await this.#forget(digest);
    }
    return gone.ok;
  }
}

function hexOf(digest: Digest): string {
  return digest.slice('sha256:'.length);
}
