import { expect, it } from 'vitest';
import { ratePerMinute, TokenBucket } from './token-bucket.ts';

it('lets no more through in any time than half a minute’s at once and so many a minute', () => {
  const bucket = new TokenBucket(ratePerMinute(60), 0);
  let taken = 0;
  for (let nowMs = 0; nowMs <= 120_000; nowMs += 100) if (bucket.take(nowMs) === 0) taken += 1;
  expect(taken).toBe(30 + 120);
  const waitMs = bucket.take(120_000);
  expect(waitMs).toBeGreaterThan(0);
  expect(bucket.take(120_000 + waitMs)).toBe(0);
});
