import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { unwrap } from '../../base/fault.ts';
import { canMount, mountSmallDisk } from '../../base/testing/small-disk.ts';
import { digestOf } from '../../proto/digest.ts';
import { tempDir } from '../testing/temp-dir.ts';
import { blobStoreContract, codeOf, payload, send, uploadKey } from './blob-store-contract.ts';
import { openFileBlobStore } from './file-blob-store.ts';
import { joinBlobStore } from './store-settings.ts';

blobStoreContract('files', () => {
  const dir = tempDir();
  return {
    open: () => openFileBlobStore(dir),
    async full() {
      const freeBytes = await (await openFileBlobStore(dir, { reserveBytes: 0 })).freeBytes();
      return openFileBlobStore(dir, { reserveBytes: freeBytes * 2 });
    },
  };
});

describe('a blob store of files', () => {
  it('keeps them readable by the owner only, and nothing half-written beside them', async () => {
    const dir = tempDir();
    const store = await openFileBlobStore(dir);
    const digest = unwrap(await store.put(payload));
    const writer = store.create();
    writer.write(Buffer.from('piece'));
    expect(readdirSync(join(dir, 'partial'))).toHaveLength(1);
    const written = await writer.commit();
    for (const each of [digest, written]) expect(statSync(store.path(each)).mode & 0o777).toBe(0o600);
    const given = store.create();
    given.write(payload);
    given.abandon();
    expect(readdirSync(join(dir, 'partial'))).toEqual([]);
    expect(readdirSync(join(dir, 'blobs'))).toHaveLength(2);
  });

  it('is joined by others without clearing what its keeper writes; opened again, it clears what a crash left', async () => {
    const dir = tempDir();
    const keeper = await openFileBlobStore(dir);
    const writer = keeper.create();
    writer.write(payload);
    const joined = joinBlobStore({ kind: 'files', dir });
    const theirs = joined.create();
    theirs.write(Buffer.from('from a worker'));
    const digest = await theirs.commit();
    expect(unwrap(await keeper.verify(digest))).toBe(13);
    expect(await writer.commit()).toBe(digestOf(payload));
    keeper.create().write(Buffer.from('cut off'));
    expect(readdirSync(join(dir, 'partial'))).toHaveLength(1);
    await openFileBlobStore(dir);
    expect(readdirSync(join(dir, 'partial'))).toEqual([]);
  });

  it('hands out its own files where local ones are asked for: no copy is made', async () => {
    const store = await openFileBlobStore(tempDir());
    const digest = unwrap(await store.put(payload));
    expect(await store.withLocalFiles([digest], async (pathOf) => pathOf(digest))).toBe(store.path(digest));
  });

  it('notices bytes that were changed on disk', async () => {
    const store = await openFileBlobStore(tempDir());
    const digest = unwrap(await store.put(payload));
    const changed = readFileSync(store.path(digest));
    changed[5] = (changed[5] as number) ^ 1;
    writeFileSync(store.path(digest), changed);
    expect(codeOf(await store.get(digest))).toBe('DIGEST_MISMATCH');
    expect(codeOf(await store.verify(digest))).toBe('DIGEST_MISMATCH');
  });

  it('survives a disk that fills during an upload: refused, then resumed when there is room', async (context) => {
    const dir = join(tempDir(), 'disk');
    mkdirSync(dir);
    if (!canMount(dir)) return context.skip('mounting a tmpfs is not allowed here');
    mountSmallDisk(dir, 1_024);
    const store = await openFileBlobStore(dir, { reserveBytes: 0 });
    const upload = unwrap(await store.openUpload(uploadKey));
    unwrap(await upload.write(payload.subarray(0, 65_536)));
    writeFileSync(join(dir, 'ballast'), Buffer.alloc(700 * 1_024));
    const sent = await send(upload, 65_536, payload.byteLength);
    expect(codeOf(sent)).toBe('DISK_FULL');
    const { received } = upload;
    await upload.release();
    rmSync(join(dir, 'ballast'));
    const resumed = unwrap(await store.openUpload(uploadKey));
    expect(resumed.received).toBe(received);
    unwrap(await send(resumed, received, payload.byteLength));
    expect(unwrap(await resumed.finish())).toBe(uploadKey.digest);
  });
});
