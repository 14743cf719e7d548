import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { blobStoreContract } from '../blobs/blob-store-contract.ts';
import { openFileBlobStore } from '../blobs/file-blob-store.ts';
import { openS3BlobStore, type S3BlobStore } from '../blobs/s3/s3-blob-store.ts';
import type { ObjectStore } from './object-store.ts';
import { tempDir } from './temp-dir.ts';

/** What every blob store promises, of one on a bucket whose late removals are carried out at once. */
export function contractOnBucket(name: string, store: () => ObjectStore): void {
  blobStoreContract(name, () => {
    const dir = tempDir();
    const prefix = randomUUID();
    const open = async (reserveBytes?: number) => {
      const { bucket } = await store().open(prefix);
      const options = { isKeeper: true, removalAgeMs: -60_000, ...(reserveBytes !== undefined && { reserveBytes }) };
      return removingAtOnce(await openS3BlobStore(bucket, join(dir, 'data'), options));
    };
    return {
      open: () => open(),
      async full() {
        const free = await (await openFileBlobStore(join(dir, 'data'), { reserveBytes: 0 })).freeBytes();
        return open(free * 2);
      },
    };
  });
}

/** Two sweeps follow each removal, of a coordinator that leads and names nothing. */
function removingAtOnce(store: S3BlobStore): S3BlobStore {
  const remove = store.remove.bind(store);
  store.remove = async (digest) => {
    await remove(digest);
    for (const _ of [1, 2]) await store.sweep(async () => new Set());
  };
  return store;
}
