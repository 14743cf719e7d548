/** `burst` at once, then one every `refillMs` milliseconds. */
export type TokenRate = Readonly<{ burst: number; refillMs: number }>;

/** So many a minute, and half of them, one at least, at once. */
export function ratePerMinute(count: number): TokenRate {
  return { burst: Math.max(1, count / 2), refillMs: 60_000 / count };
}

/** So many at once at most, and so many in a time; time is given, and a clock that goes back gives nothing. */
export class TokenBucket {
  readonly #rate: TokenRate;
  #tokens: number;
  #atMs: number;

  constructor(rate: TokenRate, nowMs: number) {
    this.#rate = rate;
    this.#tokens = rate.burst;
    this.#atMs = nowMs;
  }

  /** 0 when one was taken; otherwise the milliseconds until there is one. */
  take(nowMs: number): number {
    const { burst, refillMs } = this.#rate;
    this.#tokens = Math.min(burst, this.#tokens + Math.max(0, nowMs - this.#atMs) / refillMs);
    this.#atMs = nowMs;
    if (this.#tokens < 1) return Math.ceil((1 - this.#tokens) * refillMs);
    this.#tokens -= 1;
    return 0;
  }
}
