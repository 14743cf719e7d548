import { type FileHandle, open } from 'node:fs/promises';
import { packChunk } from '../../../proto/chunk-encoding.ts';
import { type ChunkEncoding, FetchFileResponse } from '../../../proto/generated/testudo/v1/releases.ts';
import type { Digest } from '../../../proto/ids.ts';
import { chunkBytes } from '../../../proto/wire-names.ts';

/** Of files whose messages are kept while anybody is sent them: a light form has 2 MiB, and less where it is packed. */
const keptBytesMax = 16 << 20;

/**
 * Files on their way, as encoded messages: all sensors fetch the same file at the same time, and it is read, packed and
 * encoded once for them together.
 */
export class SentFiles {
  readonly #pathOf: (digest: Digest) => string;
  readonly #files = new Map<Digest, Promise<SentFile>>();
  #keptBytes = 0;

  constructor(pathOf: (digest: Digest) => string) {
    this.#pathOf = pathOf;
  }

  /** Rejects as opening it does. Whoever has it releases it. */
  async open(digest: Digest): Promise<SentFile> {
    for (;;) {
      const opening = this.#files.get(digest) ?? this.#open(digest);
      const file = await opening;
      // The last of its readers may have closed it meanwhile.
      if (file.hold()) return file;
    }
  }

  #open(digest: Digest): Promise<SentFile> {
    const opening = open(this.#pathOf(digest), 'r').then(async (handle) => {
      const { size } = await handle.stat();
      const keeps = this.#keptBytes + size <= keptBytesMax;
      if (keeps) this.#keptBytes += size;
      return new SentFile(handle, size, keeps, () => {
        this.#files.delete(digest);
        if (keeps) this.#keptBytes -= size;
      });
    });
    this.#files.set(digest, opening);
    opening.catch(() => this.#files.delete(digest));
    return opening;
  }
}

export class SentFile {
  readonly size: number;
  readonly #handle: FileHandle;
  readonly #kept: Map<string, Promise<Buffer>> | undefined;
  readonly #onClosed: () => void;
  #readers = 0;
  #isClosed = false;

  constructor(handle: FileHandle, size: number, keeps: boolean, onClosed: () => void) {
    this.#handle = handle;
    this.size = size;
    this.#kept = keeps ? new Map() : undefined;
    this.#onClosed = onClosed;
  }

  /** False where it is closed already. */
  hold(): boolean {
    if (this.#isClosed) return false;
    this.#readers += 1;
    return true;
  }

  async release(): Promise<void> {
    this.#readers -= 1;
    if (this.#readers > 0) return;
    this.#isClosed = true;
    this.#onClosed();
    await this.#handle.close();
  }

  /** The message that begins there, packed so where that is shorter, and where the next one does. */
  async messageAt(offset: number, encoding: ChunkEncoding): Promise<Readonly<{ message: Buffer; next: number }>> {
    const next = Math.min(this.size, offset - (offset % chunkBytes) + chunkBytes);
    const key = `${encoding} ${offset}`;
    const known = this.#kept?.get(key) ?? this.#encoded(offset, next, encoding);
    if (offset % chunkBytes === 0) this.#keep(key, known);
    return { message: await known, next };
  }

  #keep(key: string, message: Promise<Buffer>): void {
    this.#kept?.set(key, message);
    // What a disk could not give once may be there for the next who asks.
    message.catch(() => this.#kept?.delete(key));
  }

  async #encoded(offset: number, end: number, encoding: ChunkEncoding): Promise<Buffer> {
    const chunk = Buffer.alloc(end - offset);
    for (let filled = 0; filled < chunk.length; ) {
      const { bytesRead } = await this.#handle.read(chunk, filled, chunk.length - filled, offset + filled);
      if (bytesRead === 0) throw new Error(`the file has ${this.size} bytes no more: it ends at ${offset + filled}`);
      filled += bytesRead;
    }
    const packed = await packChunk(chunk, encoding);
    return Buffer.from(
      FetchFileResponse.encode({ offset: BigInt(offset), sizeBytes: BigInt(this.size), ...packed }).finish(),
    );
  }
}
