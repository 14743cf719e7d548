import { join } from 'node:path';
import type { Digest } from '../../proto/ids.ts';

/** The file of a blob in a data directory: for tests that damage it, or look whether it is gone. */
export function blobFile(dataDir: string, digest: Digest): string {
  return join(dataDir, 'blobs', digest.slice('sha256:'.length));
}
