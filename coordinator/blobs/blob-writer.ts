import { createHash, randomUUID } from 'node:crypto';
import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { Digest } from '../../proto/ids.ts';

/**
 * A blob written piece by piece into a FileBlobStore's folders by a thread that may block. It gets its name only when
 * it is whole and synced. Methods throw the system's errors.
 */
export class BlobWriter {
  #blobs: string;
  #temporary: string;
  #fd: number | undefined;
  #hash = createHash('sha256');

  /** dir: the store's. */
  constructor(dir: string) {
    this.#blobs = join(dir, 'blobs');
    this.#temporary = join(dir, 'partial', `put.${randomUUID()}`);
    this.#fd = openSync(this.#temporary, 'wx', 0o600);
  }

  write(bytes: Uint8Array): void {
    if (this.#fd === undefined) throw new Error('blob writer: written to after its end');
    this.#hash.update(bytes);
    for (let done = 0; done < bytes.byteLength; ) done += writeSync(this.#fd, bytes, done);
  }

  /** Durable under its digest when it returns. */
  finish(): Digest {
    if (this.#fd === undefined) throw new Error('blob writer: finished twice');
    fsyncSync(this.#fd);
    closeSync(this.#fd);
    this.#fd = undefined;
    const hex = this.#hash.digest('hex');
    renameSync(this.#temporary, join(this.#blobs, hex));
    const folder = openSync(this.#blobs, 'r');
    try {
      fsyncSync(folder);
    } finally {
      closeSync(folder);
    }
    return `sha256:${hex}` as Digest;
  }

  /** Leaves nothing behind. After `finish` it does nothing. */
  abandon(): void {
    if (this.#fd === undefined) return;
    closeSync(this.#fd);
    this.#fd = undefined;
    rmSync(this.#temporary, { force: true });
  }
}
