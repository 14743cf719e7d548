import { createHash, randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { AtomicFile } from '../../base/atomic-file.ts';
import type { Digest } from '../../proto/ids.ts';

/**
 * A blob written piece by piece into a FileBlobStore's folders by a thread that may block. It gets its name only when
 * it is whole and synced. Methods throw the system's errors.
 */
export class BlobWriter {
  #blobs: string;
  #file: AtomicFile;
  #hash = createHash('sha256');

  /** dir: the store's. */
  constructor(dir: string) {
    this.#blobs = join(dir, 'blobs');
    const temporary = join(dir, 'partial', `put.${randomUUID()}`);
    this.#file = new AtomicFile(temporary, { temporary });
  }

  write(bytes: Uint8Array): void {
    this.#hash.update(bytes);
    this.#file.write(bytes);
  }

  /** Durable under its digest when it returns. */
  finish(): Digest {
    const hex = this.#hash.digest('hex');
    this.#file.commit({ path: join(this.#blobs, hex) });
    return `sha256:${hex}` as Digest;
  }

  /** Leaves nothing behind. After `finish` it does nothing. */
  abandon(): void {
    this.#file.abandon();
  }
}
