import { PassThrough } from 'node:stream';
import { expect, it } from 'vitest';
import { drained } from './drained.ts';

it('gives what has arrived in one batch, and all of it before the error that ended the stream', async () => {
  const stream = new PassThrough({ objectMode: true, highWaterMark: 1_000 });
  const batches = drained<number>(stream);
  const first = batches.next();
  for (const item of [1, 2, 3]) stream.write(item);
  const seen = [...((await first).value ?? [])];
  for (const item of [4, 5]) stream.write(item);
  await new Promise<void>((resolve) => stream.write(6, () => resolve()));
  stream.destroy(new Error('cut'));
  await expect(
    (async () => {
      for await (const batch of batches) seen.push(...batch);
    })(),
  ).rejects.toThrow('cut');
  expect(seen).toEqual([1, 2, 3, 4, 5, 6]);
});

it('holds back a stream whose items nobody takes, and lets it go on when they are taken', async () => {
  const stream = new PassThrough({ objectMode: true, highWaterMark: 1_000 });
  const batches = drained<number>(stream);
  const first = batches.next();
  for (let item = 0; item < 500; item += 1) stream.write(item);
  stream.end();
  const seen = [...((await first).value ?? [])];
  expect(stream.isPaused()).toBe(true);
  const sizes: number[] = [];
  for await (const batch of batches) {
    sizes.push(batch.length);
    seen.push(...batch);
  }
  expect(Math.max(...sizes)).toBeLessThanOrEqual(64);
  expect(seen).toEqual(Array.from({ length: 500 }, (_, item) => item));
});
