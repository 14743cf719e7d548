import { expect, it } from 'vitest';
import { RateLimiter } from './rate-limit.ts';

it('lets a key act so often at once, says how long it has to wait then, and holds nothing against others', () => {
  const limiter = new RateLimiter({ burst: 2, refillMs: 4_096, keysMax: 10 }); // Eighths of it are exact.
  expect([0, 0, 0, 1_024].map((nowMs) => limiter.waitMs('a', nowMs))).toEqual([0, 0, 4_096, 3_072]);
  expect(limiter.waitMs('b', 1_024)).toBe(0);
  expect([3_584, 4_096, 4_096].map((nowMs) => limiter.waitMs('a', nowMs))).toEqual([512, 0, 4_096]);
  expect([3_600_000, 3_600_000, 3_600_000].map((nowMs) => limiter.take('a', nowMs))).toEqual([true, true, false]);
});
