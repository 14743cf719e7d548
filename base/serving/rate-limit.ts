/** `burst` at once, then one every `refillMs`; `keysMax` peers are remembered. */
export type RateLimit = Readonly<{ burst: number; refillMs: number; keysMax: number }>;

type Bucket = { tokens: number; atMs: number };

/** A token bucket for each key (RFC 2697's idea). Remembers a bounded number of keys, the longest silent goes first. */
export class RateLimiter {
  readonly #limit: RateLimit;
  readonly #buckets = new Map<string, Bucket>();

  constructor(limit: RateLimit) {
    this.#limit = limit;
  }

  /** Whether this key may act now; if so, it has one act less. */
  take(key: string, nowMs: number): boolean {
    return this.waitMs(key, nowMs) === 0;
  }

  /** 0 where this key may act now, and has one act less; otherwise the milliseconds until it may. */
  waitMs(key: string, nowMs: number): number {
    const { burst, refillMs, keysMax } = this.#limit;
    const bucket = this.#buckets.get(key) ?? { tokens: burst, atMs: nowMs };
    const refilled = Math.min(burst, bucket.tokens + Math.max(0, nowMs - bucket.atMs) / refillMs);
    const allowed = refilled >= 1;
    // Set again, so that the map's order is the order of last use.
    this.#buckets.delete(key);
    this.#buckets.set(key, { tokens: allowed ? refilled - 1 : refilled, atMs: nowMs });
    if (this.#buckets.size > keysMax) {
      const [longestSilent] = this.#buckets.keys();
      if (longestSilent !== undefined) this.#buckets.delete(longestSilent);
    }
    return allowed ? 0 : Math.ceil((1 - refilled) * refillMs);
  }
}
