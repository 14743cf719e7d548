import type { Timers } from '../../../base/time.ts';
import type { Digest } from '../../../proto/ids.ts';

/**
 * How long a blob that was seen in the bucket needs no second look. Far below the age at which anything is removed
 * (`lateRemovals`), so that whoever was told of a blob has most of a day to name it.
 */
export const confirmedForMs = 3_600_000;
const countMax = 50_000;

/** Blobs that this process has put, or seen young, in the bucket a short time ago. */
export class Confirmed {
  readonly #timers: Timers;
  readonly #atMs = new Map<Digest, number>();

  constructor(timers: Timers) {
    this.#timers = timers;
  }

  add(digest: Digest): void {
    this.#atMs.delete(digest); // Oldest first.
    this.#atMs.set(digest, this.#timers.monotonicMs());
    if (this.#atMs.size <= countMax) return;
    for (const oldest of this.#atMs.keys()) {
      this.#atMs.delete(oldest);
      return;
    }
  }

  has(digest: Digest): boolean {
    const atMs = this.#atMs.get(digest);
    return atMs !== undefined && this.#timers.monotonicMs() - atMs < confirmedForMs;
  }

  delete(digest: Digest): void {
    this.#atMs.delete(digest);
  }
}
