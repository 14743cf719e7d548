import { createHash, randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { AtomicFile } from '../../base/atomic-file.ts';
import type { Digest } from '../../proto/ids.ts';
import type { BlobWriter } from './blob-store.ts';

/** Of files in `partial` that nobody resumes: what a crash left of them goes at the next start. */
export const temporaryPrefix = 'put.';

/** Writes to `partial`, and gives the file its name in `blobs` only when it is whole and synced. */
export class FileBlobWriter implements BlobWriter {
  #blobs: string;
  #file: AtomicFile;
  #hash = createHash('sha256');

  /** The store's two folders. */
  constructor(blobs: string, partial: string) {
    this.#blobs = blobs;
    const temporary = join(partial, `${temporaryPrefix}${randomUUID()}`);
    this.#file = new AtomicFile(temporary, { temporary });
  }

  write(bytes: Uint8Array): void {
    this.#file.write(bytes); // First: it is the one that refuses after the end.
    this.#hash.update(bytes);
  }

  async commit(): Promise<Digest> {
    const hex = this.#hash.copy().digest('hex'); // A copy, so that a second call is refused by the file, in words.
    this.#file.commit({ path: join(this.#blobs, hex) });
    return `sha256:${hex}` as Digest;
  }

  abandon(): void {
    this.#file.abandon();
  }
}
