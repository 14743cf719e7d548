import type { BlobStore } from './blob-store.ts';
import { joinFileBlobStore } from './file-blob-store.ts';

/** Names a store in plain data, so that threads and processes can be told of it. */
export type BlobStoreSettings = Readonly<{
  kind: 'files';
  /** The folder with blobs/ and partial/ in it. */
  dir: string;
}>;

/** The store that someone else has opened and keeps. */
export function joinBlobStore({ dir }: BlobStoreSettings): BlobStore {
  return joinFileBlobStore(dir);
}
