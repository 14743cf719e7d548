import { existsSync } from 'node:fs';
import { expect, it } from 'vitest';
import { unwrap } from '../../base/fault.ts';
import { blobStoreContract, payload, uploadKey } from './blob-store-contract.ts';
import { MemoryBlobStore } from './memory-blob-store.ts';

blobStoreContract('memory', () => {
  const store = new MemoryBlobStore();
  return { open: async () => store, full: async () => new MemoryBlobStore({ capacityBytes: 1_000 }) };
});

it('a memory blob store takes its local files back when the work is done', async () => {
  const store = new MemoryBlobStore();
  const digest = unwrap(await store.put(payload));
  const path = await store.withLocalFiles([digest], async (pathOf) => pathOf(digest));
  expect(existsSync(path)).toBe(false);
});

it('a memory blob store claims what an open upload may still write', async () => {
  const store = new MemoryBlobStore({ capacityBytes: payload.byteLength + 10 });
  const upload = unwrap(await store.openUpload(uploadKey));
  expect(await store.freeBytes()).toBe(10);
  expect(await store.put(Buffer.alloc(11))).toMatchObject({ fault: { code: 'DISK_FULL' } });
  unwrap(await upload.write(payload));
  unwrap(await upload.finish());
  expect(await store.freeBytes()).toBe(10);
});
