import { TokenBucket, type TokenRate } from '../waiting/token-bucket.ts';

/** What each key may; `keysMax` of them are remembered. */
export type RateLimit = TokenRate & Readonly<{ keysMax: number }>;

/** A token bucket for each key (RFC 2697's idea). Remembers a bounded number of keys, the longest silent goes first. */
export class RateLimiter {
  readonly #limit: RateLimit;
  readonly #buckets = new Map<string, TokenBucket>();

  constructor(limit: RateLimit) {
    this.#limit = limit;
  }

  /** Whether this key may act now; if so, it has one act less. */
  take(key: string, nowMs: number): boolean {
    return this.waitMs(key, nowMs) === 0;
  }

  /** 0 where this key may act now, and has one act less; otherwise the milliseconds until it may. */
  waitMs(key: string, nowMs: number): number {
    const bucket = this.#buckets.get(key) ?? new TokenBucket(this.#limit, nowMs);
    // Set again, so that the map's order is the order of last use.
    this.#buckets.delete(key);
    this.#buckets.set(key, bucket);
    if (this.#buckets.size > this.#limit.keysMax) {
      const [longestSilent] = this.#buckets.keys();
      if (longestSilent !== undefined) this.#buckets.delete(longestSilent);
    }
    return bucket.take(nowMs);
  }
}
