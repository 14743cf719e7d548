import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { FaultError, refuse } from '../../base/fault.ts';
import { systemTimers } from '../../base/system-timers.ts';
import { canMount, mountSmallDisk } from '../../base/testing/small-disk.ts';
import { digestOf } from '../../proto/digest.ts';
import { parseDigest } from '../../proto/ids.ts';
import { type FetchCalls, ReleaseFiles } from './release-files.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'testudo-release-files-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const bytesOf = (index: number) => Buffer.from(`release ${index}`.padEnd(64, '.'));
const wanted = (index: number) => ({
  digest: parseDigest(`sha256:${createHash('sha256').update(bytesOf(index)).digest('hex')}`),
  bytes: 64,
});
const pace = { signal: new AbortController().signal, timers: systemTimers, stallMs: 5_000, bytesPerSecondMin: 1 };

/** Sends up to `until` bytes of a file, and then no more. */
function sender(index: number, until: number): FetchCalls {
  return {
    fetch: ({ offset }) => ({
      async *[Symbol.asyncIterator]() {
        const chunk = bytesOf(index).subarray(Number(offset), until);
        yield { offset, sizeBytes: 64n, chunk };
      },
      cancel: () => undefined,
    }),
  };
}

describe('ReleaseFiles', () => {
  it('keeps the last of the files that were begun and never ended, and goes on with one of them', async () => {
    const files = new ReleaseFiles(folder);
    for (let index = 0; index < 40; index++) {
      expect(await files.fetch(sender(index, 10), wanted(index), pace)).toMatchObject({
        fault: { code: 'FILE_TRUNCATED' },
      });
      const part = `${files.path(wanted(index).digest)}.part`;
      utimesSync(part, 1_700_000_000 + index, 1_700_000_000 + index);
    }
    const left = readdirSync(folder).sort();
    const last = Array.from({ length: 16 }, (_, back) => `${wanted(39 - back).digest.slice('sha256:'.length)}.part`);
    expect(left).toEqual(last.sort());

    const path = files.path(wanted(30).digest);
    expect(await files.fetch(sender(30, 64), wanted(30), pace)).toEqual({ ok: true, value: path });
    expect(readFileSync(path)).toEqual(bytesOf(30));
  });

  it('says that its own disk takes no more, goes on from what is there when there is room, and blames no sender', async (context) => {
    const disk = await mkdtemp(join(tmpdir(), 'testudo-disk-'));
    onTestFinished(() => rm(disk, { recursive: true })); // After it was unmounted.
    if (!canMount(disk)) return context.skip('mounting a tmpfs is not allowed here');
    mountSmallDisk(disk, 64);
    const bytes = Buffer.alloc(48 * 1_024, 7);
    const file = { digest: digestOf(bytes), bytes: bytes.length };
    const calls: FetchCalls = {
      fetch: ({ offset }) => ({
        async *[Symbol.asyncIterator]() {
          const sizeBytes = BigInt(bytes.length);
          for (let at = Number(offset); at < bytes.length; at += 1_000) {
            yield { offset: BigInt(at), sizeBytes, chunk: bytes.subarray(at, at + 1_000) };
          }
        },
        cancel: () => undefined,
      }),
    };
    const ballast = join(disk, 'ballast');
    writeFileSync(ballast, Buffer.alloc(32 * 1_024));
    const files = new ReleaseFiles(disk);
    const refused = await files.fetch(calls, file, pace);
    expect(refused).toMatchObject({ ok: false, fault: { code: 'FILE_UNWRITABLE' } });
    expect(!refused.ok && refused.fault.message).toMatch(
      / bytes of sha256:.* are on disk, and no more .*\(ENOSPC\); make room/,
    );
    rmSync(ballast);
    const path = files.path(file.digest);
    expect(await files.fetch(calls, file, pace)).toEqual({ ok: true, value: path });
    expect(readFileSync(path).equals(bytes)).toBe(true);
  });

  it('fetches a file once for all that ask for it meanwhile, and removes nothing that is on its way or fetched ahead', async () => {
    const files = new ReleaseFiles(folder);
    const sent = Promise.withResolvers<void>();
    let transfers = 0;
    const slow: FetchCalls = {
      fetch: ({ offset }) => ({
        async *[Symbol.asyncIterator]() {
          transfers += 1;
          yield { offset, sizeBytes: 64n, chunk: bytesOf(1).subarray(0, 10) };
          await sent.promise;
          yield { offset: 10n, sizeBytes: 64n, chunk: bytesOf(1).subarray(10) };
        },
        cancel: () => undefined,
      }),
    };
    const both = [files.fetch(slow, wanted(1), pace), files.fetch(sender(1, 64), wanted(1), pace)];
    const part = `${files.path(wanted(1).digest)}.part`;
    await vi.waitFor(() => expect(readFileSync(part)).toHaveLength(10), { timeout: 60_000, interval: 5 });
    await files.keepOnly(new Set());
    sent.resolve();
    const path = files.path(wanted(1).digest);
    expect(await Promise.all(both)).toEqual(Array(2).fill({ ok: true, value: path }));
    expect(transfers).toBe(1);
    files.keepAhead(new Set([wanted(1).digest]));
    await files.keepOnly(new Set());
    expect(readFileSync(path)).toEqual(bytesOf(1));
    files.keepAhead(new Set());
    await files.keepOnly(new Set());
    expect(readdirSync(folder)).toEqual([]);
  });

  it('removes nothing that is wanted ahead from the moment on when it is said, also while it removes others', async () => {
    const files = new ReleaseFiles(folder);
    for (const index of [1, 2]) await files.fetch(sender(index, 64), wanted(index), pace);
    const removing = files.keepOnly(new Set());
    files.keepAhead(new Set([wanted(1).digest]));
    await removing;
    expect(readdirSync(folder)).toEqual([files.path(wanted(1).digest).slice(folder.length + 1)]);
  });

  it('drops no beginning that is on its way, however long ago the last of it came', async () => {
    const files = new ReleaseFiles(folder);
    const [begun, goesOn] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const slow: FetchCalls = {
      fetch: ({ offset }) => ({
        async *[Symbol.asyncIterator]() {
          yield { offset, sizeBytes: 64n, chunk: bytesOf(0).subarray(0, 10) };
          begun.resolve(); // It is asked for more: that much is on disk.
          await goesOn.promise;
          yield { offset: 10n, sizeBytes: 64n, chunk: bytesOf(0).subarray(10) };
        },
        cancel: () => undefined,
      }),
    };
    const coming = files.fetch(slow, wanted(0), { ...pace, stallMs: 600_000 });
    await begun.promise;
    const path = files.path(wanted(0).digest);
    utimesSync(`${path}.part`, 1_700_000_000, 1_700_000_000);
    for (let index = 1; index < 20; index++) await files.fetch(sender(index, 10), wanted(index), pace);
    goesOn.resolve();
    expect(await coming).toEqual({ ok: true, value: path });
  });

  it('goes on for who joined a transfer when who began it is told to stop', async () => {
    const files = new ReleaseFiles(folder);
    const stopping = new AbortController();
    const cut = Promise.withResolvers<never>();
    // The transfer may be cut before the sender waits for it.
    cut.promise.catch(() => {});
    const endless: FetchCalls = {
      fetch: ({ offset }) => ({
        async *[Symbol.asyncIterator]() {
          yield { offset, sizeBytes: 64n, chunk: bytesOf(1).subarray(0, 10) };
          await cut.promise;
        },
        cancel: () => cut.reject(new FaultError(refuse('GRPC_CANCELLED', 'hung up').fault)),
      }),
    };
    const began = files.fetch(endless, wanted(1), { ...pace, signal: stopping.signal });
    const joined = files.fetch(sender(1, 64), wanted(1), pace);
    const path = files.path(wanted(1).digest);
    await vi.waitFor(() => expect(readFileSync(`${path}.part`)).toHaveLength(10), { timeout: 60_000, interval: 5 });
    stopping.abort();
    expect(await began).toMatchObject({ fault: { code: 'GRPC_CANCELLED' } });
    expect(await joined).toEqual({ ok: true, value: path });
    expect(readFileSync(path)).toEqual(bytesOf(1));
  });
});
