import { createHash, type Hash } from 'node:crypto';
import { fstatSync, statSync } from 'node:fs';
import { type FileHandle, open, rm } from 'node:fs/promises';
import { commitFile, privateFileMode } from '../../base/atomic-file.ts';
import { ok, type Result, refuse } from '../../base/fault.ts';
import type { Digest } from '../../proto/ids.ts';
import { blobFault, letGo } from './blob-fault.ts';
import type { BlobFaultCode, Upload } from './blob-store.ts';

type UploadFiles = Readonly<{
  partialPath: string;
  finalPath: string;
  digest: Digest;
  bytes: number;
  syncFolder: () => Promise<void>;
  released: () => void;
}>;

/** An upload on disk: its partial file grows chunk by chunk and outlives streams and restarts until it is whole. */
export class FileUpload implements Upload {
  #files: UploadFiles;
  #handle: FileHandle | undefined;
  #hash: Hash = createHash('sha256');
  #received = 0;
  #released = false;

  constructor(files: UploadFiles) {
    this.#files = files;
  }

  get received(): number {
    return this.#received;
  }

  get remaining(): number {
    return this.#files.bytes - this.#received;
  }

  /** Opens the partial file and hashes what it holds; a longer one than announced is started again. */
  async open(): Promise<void> {
    const { partialPath, finalPath, bytes } = this.#files;
    // Synchronous where the kernel answers from memory: a hop to the thread pool costs ten times as much as a stat.
    const stored = statSync(finalPath, { throwIfNoEntry: false });
    if (stored?.size === bytes) {
      this.#received = bytes; // It was finished before a crash: names that exist hold their bytes.
      return;
    }
    this.#handle = await open(partialPath, 'a+', privateFileMode);
    const { size } = fstatSync(this.#handle.fd);
    if (size > bytes) await this.#handle.truncate(0);
    if (size === 0 || size > bytes) return;
    for await (const chunk of this.#handle.createReadStream({ start: 0, autoClose: false })) {
      this.#hash.update(chunk as Uint8Array);
      this.#received += (chunk as Uint8Array).byteLength;
    }
  }

  async write(chunk: Uint8Array): Promise<Result<void, BlobFaultCode>> {
    if (chunk.byteLength === 0) return ok(undefined);
    if (this.#released) return letGo();
    if (this.#handle === undefined || chunk.byteLength > this.remaining) {
      return refuse('LENGTH_MISMATCH', `more bytes than the ${this.#files.bytes} announced; send exactly those`);
    }
    try {
      let written = 0;
      while (written < chunk.byteLength) {
        written += (await this.#handle.write(chunk, written, chunk.byteLength - written)).bytesWritten;
      }
    } catch (error) {
      await this.#forgetTail();
      return blobFault(error);
    }
    this.#hash.update(chunk);
    this.#received += chunk.byteLength;
    return ok(undefined);
  }

  async finish(): Promise<Result<Digest, BlobFaultCode>> {
    const { partialPath, finalPath, digest, bytes, syncFolder } = this.#files;
    if (this.#released) return letGo();
    if (this.#received !== bytes) {
      return refuse('LENGTH_MISMATCH', `${this.#received} of ${bytes} bytes came; resume the upload there`, {
        received: this.#received,
      });
    }
    try {
      if (this.#handle !== undefined) {
        if (`sha256:${this.#hash.copy().digest('hex')}` !== digest) {
          await this.release();
          await rm(partialPath, { force: true });
          return refuse('DIGEST_MISMATCH', 'the bytes do not have the announced digest; send the update again');
        }
        await commitFile(partialPath, finalPath, { file: this.#handle, syncFolder });
      } else await syncFolder();
      return ok(digest);
    } catch (error) {
      // After a failed sync the kernel may call pages clean that never reached the disk: nothing of them is kept.
      await rm(partialPath, { force: true });
      return blobFault(error);
    } finally {
      await this.release();
    }
  }

  async release(): Promise<void> {
    if (this.#released) return;
    this.#released = true;
    const handle = this.#handle;
    this.#handle = undefined;
    try {
      await handle?.close();
    } finally {
      this.#files.released(); // Whatever the disk says of it: else nobody could resume it.
    }
  }

  /** A write failed half-way: the file ends again where the hash does. */
  async #forgetTail(): Promise<void> {
    await this.#handle?.truncate(this.#received).catch(() => {}); // If not even that works, a resume hashes again.
  }
}
