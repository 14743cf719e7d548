import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { systemTimers } from '../../base/system-timers.ts';
import { digestOf } from '../../proto/digest.ts';
import type { PieceStream } from '../link/download.ts';
import { ModelCache } from './model-cache.ts';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'testudo-models-'));
});

afterEach(() => rm(folder, { recursive: true, force: true }));

/** The whole model in one piece, once `ready`. */
async function* after(ready: Promise<unknown>, model: Buffer) {
  await ready;
  yield { offset: 0n, sizeBytes: BigInt(model.length), chunk: model };
}

it('a fetch whose beginning another one removed is refused, to be tried again, and takes nothing down', async () => {
  const models = new ModelCache(folder);
  const [first, second] = [Buffer.alloc(64, 1), Buffer.alloc(64, 2)];
  const options = { sizeBytes: 64, signal: new AbortController().signal, stallMs: 60_000, timers: systemTimers };
  const begun = Promise.withResolvers<void>();
  const overtaken = Promise.withResolvers<void>();
  const stream = (pieces: AsyncIterable<never>) => Object.assign(pieces, { cancel: () => undefined }) as PieceStream;
  const slow = {
    fetch: () => {
      begun.resolve();
      return stream(after(overtaken.promise, first) as never);
    },
  };
  const quick = { fetch: () => stream(after(Promise.resolve(), second) as never) };
  const fetching = models.fetch(slow, { ...options, digest: digestOf(first) });
  await begun.promise;
  expect(await models.fetch(quick, { ...options, digest: digestOf(second) })).toMatchObject({ ok: true });
  overtaken.resolve();
  expect(await fetching).toMatchObject({ fault: { code: 'MODEL_TRUNCATED' } });
  expect(await readdir(folder)).toEqual([`${digestOf(second).slice(7)}.f32`]);
});
