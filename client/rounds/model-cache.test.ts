import { rmSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { SimulatedTimers } from '../../base/simulation/simulated-timers.ts';
import { systemTimers } from '../../base/system-timers.ts';
import { digestOf } from '../../proto/digest.ts';
import type { PieceStream } from '../link/download.ts';
import { ModelCache } from './model-cache.ts';
import { verdictFor } from './verdict.ts';

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
  const signal = new AbortController().signal;
  const options = { sizeBytes: 64, signal, stallMs: 60_000, bytesPerSecondMin: 1, timers: systemTimers };
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

it('a model that another fetch removes while it is found to be whole is fetched again', async () => {
  const models = new ModelCache(folder);
  const model = Buffer.alloc(64, 3);
  const digest = digestOf(model);
  const signal = new AbortController().signal;
  const options = { digest, sizeBytes: 64, signal, stallMs: 60_000, bytesPerSecondMin: 1, timers: systemTimers };
  let fetches = 0;
  const calls = {
    fetch: () => {
      fetches += 1;
      return Object.assign(after(Promise.resolve(), model), { cancel: () => undefined }) as PieceStream;
    },
  };
  expect(await models.fetch(calls, options)).toMatchObject({ ok: true });
  // The time is asked for between its digest and the mark that it is used.
  const now = () => {
    rmSync(models.path(digest), { force: true });
    return systemTimers.now();
  };
  expect(await models.fetch(calls, { ...options, timers: { ...systemTimers, now } })).toMatchObject({ ok: true });
  expect(fetches).toBe(2);
});

it('a fetch that drips is given up, however steadily, and the next goes on where it ended', async () => {
  const models = new ModelCache(folder);
  const timers = new SimulatedTimers();
  const model = Buffer.from(Array.from({ length: 64 }, (_, at) => at));
  const digest = digestOf(model);
  // Ten seconds and a stall aside, 64 bytes may take 8 s.
  const pace = { stallMs: 1_000, bytesPerSecondMin: 8 };
  const options = { digest, sizeBytes: 64, signal: new AbortController().signal, timers, ...pace };
  const begins: number[] = [];
  const dripping = {
    fetch: ({ offset }: { offset: bigint }) => {
      begins.push(Number(offset));
      let isCancelled = false;
      const bytes = (async function* () {
        for (let at = Number(offset); at < 64 && !isCancelled; at++) {
          yield { offset: BigInt(at), sizeBytes: 64n, chunk: model.subarray(at, at + 1) };
          // Asked for the next: what came is on disk. No pause is as long as a stall.
          await timers.advance(900);
        }
        if (isCancelled) throw new Error('cancelled');
      })();
      const cancel = () => {
        isCancelled = true;
      };
      return Object.assign(bytes, { cancel }) as PieceStream;
    },
  };
  const refusal = { fault: { code: 'MODEL_TOO_SLOW' } };
  for (const attempt of [0, 1])
    expect([attempt, await models.fetch(dripping, options)]).toMatchObject([attempt, refusal]);
  expect(verdictFor({ code: 'MODEL_TOO_SLOW', message: '' })).toBe('retry');
  const third = await models.fetch(dripping, options);
  expect(begins).toEqual([0, 22, 44]);
  expect(third).toMatchObject({ ok: true });
  expect(await readFile(models.path(digest))).toEqual(model);
});
