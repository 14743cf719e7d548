import { rm, writeFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { unwrap } from '../../../base/fault.ts';
import { FetchModelResponse } from '../../../proto/generated/testudo/v1/federation.ts';
import type { Digest } from '../../../proto/ids.ts';
import { openFileBlobStore } from '../../blobs/file-blob-store.ts';
import { MemoryBlobStore } from '../../blobs/memory-blob-store.ts';
import { tempDir } from '../../testing/temp-dir.ts';
import { ReadyFiles } from './models.ts';

it('keeps what a disk gave ready only where it has its digest', async () => {
  const blobs = await openFileBlobStore(tempDir());
  const whole = Buffer.from('the weights of a model');
  const digest = unwrap(await blobs.put(whole));
  const ready = new ReadyFiles(blobs);
  const served = async () => {
    const messages = (await ready.messages(digest, whole.length)) ?? [];
    return Buffer.concat(messages.map((message) => FetchModelResponse.decode(message).chunk)).toString();
  };

  await writeFile(blobs.path(digest), 'the weights of a modem');
  expect(await served()).toBe('the weights of a modem'); // Whoever asked checks it, and refuses it.
  await writeFile(blobs.path(digest), whole);
  expect(await served()).toBe(whole.toString());
  await rm(blobs.path(digest));
  expect(await served()).toBe(whole.toString());
});

it('counts what small files hold, and holds nothing beside it', async () => {
  const blobs = new MemoryBlobStore();
  const ready = new ReadyFiles(blobs, 100 << 10);
  let reads = 0;
  const read = blobs.read.bind(blobs);
  blobs.read = (...args) => {
    reads += 1;
    return read(...args);
  };
  const digests = await Promise.all(
    Array.from({ length: 200 }, async (_, at) => unwrap(await blobs.put(Buffer.from(`metadata ${at}`)))),
  );
  const sizeOf = (at: number) => `metadata ${at}`.length;
  for (const [at, digest] of digests.entries()) {
    for (const message of (await ready.messages(digest, sizeOf(at))) ?? []) {
      expect(message.buffer.byteLength).toBe(message.byteLength + 5); // gRPC's frame goes with it.
    }
  }
  reads = 0;
  for (let at = 199; at >= 0; at--) await ready.messages(digests[at] as Digest, sizeOf(at));
  expect(reads).toBeGreaterThanOrEqual(100); // Of two hundred with a KiB each beside their bytes, a hundred at most were kept.
  expect(reads).toBeLessThan(110);
});
