import { randomUUID } from 'node:crypto';
import { createReadStream, readFileSync, statfsSync, statSync } from 'node:fs';
import { opendir, readFile, rm, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { isMissing, makeFolder, privateFolderMode, writeFileAtomic } from '../../base/atomic-file.ts';
import { ok, type Result, refuse } from '../../base/fault.ts';
import { digestOf } from '../../proto/digest.ts';
import { type Digest, isDigest } from '../../proto/ids.ts';
import { blobFault } from './blob-fault.ts';
import type { BlobFaultCode, BlobStore, Upload, UploadKey } from './blob-store.ts';
import { DirSync } from './dir-sync.ts';
import { FileBlobWriter, temporaryPrefix } from './file-blob-writer.ts';
import { FileUpload } from './file-upload.ts';

const readChunkBytes = 262_144;
/** Kept free for the journal, so that a full disk refuses uploads before it refuses entries. */
const reserveBytesDefault = 16 * 1_048_576;

/**
 * Blobs as files named by their SHA-256: `<dir>/blobs/<hex>`. Bytes are written to `<dir>/partial`, synced, renamed
 * into place, and the folder synced, so a name that exists holds exactly its bytes.
 */
export async function openFileBlobStore(
  dir: string,
  { reserveBytes = reserveBytesDefault }: { reserveBytes?: number } = {},
): Promise<FileBlobStore> {
  const blobs = join(dir, 'blobs');
  const partial = join(dir, 'partial');
  makeFolder(blobs, privateFolderMode);
  makeFolder(partial, privateFolderMode);
  for await (const { name } of await opendir(partial)) {
    if (name.startsWith(temporaryPrefix)) await rm(join(partial, name), { force: true }); // A `put` that was cut off.
  }
  return new FileBlobStore(blobs, partial, reserveBytes);
}

/** A store that someone else has opened and keeps, for other threads and processes: nothing is made or cleared here. */
export function joinFileBlobStore(dir: string): FileBlobStore {
  return new FileBlobStore(join(dir, 'blobs'), join(dir, 'partial'), reserveBytesDefault);
}

export class FileBlobStore implements BlobStore {
  #blobs: string;
  #partial: string;
  #reserveBytes: number;
  #dirSync: DirSync;
  /** Open uploads by file name, with the bytes each may still write. */
  #uploads = new Map<string, FileUpload>();

  constructor(blobs: string, partial: string, reserveBytes: number) {
    this.#blobs = blobs;
    this.#partial = partial;
    this.#reserveBytes = reserveBytes;
    this.#dirSync = new DirSync(blobs);
  }

  /** Where a blob lies. Not of the port: for what is about files, as a backup and a demonstration of damage are. */
  path(digest: Digest): string {
    return join(this.#blobs, digest.slice('sha256:'.length));
  }

  async put(bytes: Uint8Array): Promise<Result<Digest, BlobFaultCode>> {
    const digest = digestOf(bytes);
    const temporary = join(this.#partial, `${temporaryPrefix}${randomUUID()}`);
    try {
      if (await this.has(digest)) {
        await this.#dirSync.flush(); // It may have been renamed just now by someone who has not synced yet.
        return ok(digest);
      }
      const room = await this.#checkRoom(bytes.byteLength);
      if (!room.ok) return room;
      await writeFileAtomic(this.path(digest), bytes, { temporary, syncFolder: () => this.#dirSync.flush() });
      return ok(digest);
    } catch (error) {
      return blobFault(error);
    }
  }

  async has(digest: Digest): Promise<boolean> {
    return (await this.size(digest)).ok;
  }

  async size(digest: Digest): Promise<Result<number, BlobFaultCode>> {
    try {
      const found = statSync(this.path(digest), { throwIfNoEntry: false });
      return found === undefined ? notFound(digest) : ok(found.size);
    } catch (error) {
      return blobFault(error);
    }
  }

  async *read(digest: Digest, offset = 0): AsyncGenerator<Uint8Array> {
    yield* createReadStream(this.path(digest), { start: offset, highWaterMark: readChunkBytes });
  }

  async get(digest: Digest): Promise<Result<Uint8Array<ArrayBuffer>, BlobFaultCode>> {
    try {
      const bytes = new Uint8Array(await readFile(this.path(digest)));
      if (digestOf(bytes) === digest) return ok(bytes);
      return changed(digest);
    } catch (error) {
      return isMissing(error) ? notFound(digest) : blobFault(error);
    }
  }

  async verify(digest: Digest): Promise<Result<number, BlobFaultCode>> {
    try {
      const bytes = readFileSync(this.path(digest));
      return digestOf(bytes) === digest ? ok(bytes.byteLength) : changed(digest);
    } catch (error) {
      return isMissing(error) ? notFound(digest) : blobFault(error);
    }
  }

  /** The blobs themselves: nothing is copied. */
  withLocalFiles<Value>(
    _digests: readonly Digest[],
    work: (pathOf: (digest: Digest) => string) => Promise<Value>,
  ): Promise<Value> {
    return work((digest) => this.path(digest));
  }

  create(): FileBlobWriter {
    return new FileBlobWriter(this.#blobs, this.#partial);
  }

  async openUpload(key: UploadKey): Promise<Result<Upload, BlobFaultCode>> {
    const name = uploadName(key);
    if (this.#uploads.has(name)) {
      return refuse('UPLOAD_BUSY', 'another stream of this upload is open; end it, or wait until it times out');
    }
    const upload = new FileUpload({
      partialPath: join(this.#partial, name),
      finalPath: this.path(key.digest),
      digest: key.digest,
      bytes: key.bytes,
      syncFolder: () => this.#dirSync.flush(),
      released: () => this.#uploads.delete(name),
    });
    this.#uploads.set(name, upload); // Before the first await: two streams at once never share a file.
    try {
      await upload.open();
    } catch (error) {
      await upload.release();
      return blobFault(error);
    }
    const room = await this.#checkRoom(0); // This upload's own claim is in the sum.
    if (room.ok) return ok(upload);
    await upload.release();
    return room;
  }

  async uploadedBytes(key: UploadKey): Promise<number> {
    const open_ = this.#uploads.get(uploadName(key));
    if (open_ !== undefined) return open_.received;
    if ((await this.size(key.digest)).ok) return key.bytes;
    try {
      return Math.min((await stat(join(this.#partial, uploadName(key)))).size, key.bytes);
    } catch {
      return 0; // Nothing there, or nothing readable: start again.
    }
  }

  async dropUploads(track: string, round: string): Promise<void> {
    for await (const { name } of await opendir(this.#partial)) {
      if (!name.startsWith(`${track}.${round}.`)) continue;
      await this.#uploads.get(name)?.release();
      await rm(join(this.#partial, name), { force: true });
    }
  }

  async remove(digest: Digest): Promise<void> {
    // Not rm, which looks first what it is: at each round's end as many go as came.
    await unlink(this.path(digest)).catch((error: unknown) => {
      if (!isMissing(error)) throw error;
    });
  }

  async *list(): AsyncGenerator<Digest> {
    for await (const { name } of await opendir(this.#blobs)) {
      const digest = `sha256:${name}`;
      if (isDigest(digest)) yield digest;
    }
  }

  async freeBytes(): Promise<number> {
    const { bavail, bsize } = statfsSync(this.#blobs); // Answered from memory, as a stat is.
    let claimed = 0;
    for (const upload of this.#uploads.values()) claimed += upload.remaining;
    return Math.max(0, bavail * bsize - this.#reserveBytes - claimed);
  }

  async #checkRoom(bytes: number): Promise<Result<void, BlobFaultCode>> {
    const free = await this.freeBytes();
    if (free >= bytes && free > 0) return ok(undefined);
    return refuse(
      'DISK_FULL',
      `no room for ${bytes} more bytes beside the reserve of ${this.#reserveBytes}; free space and try again`,
      {
        freeBytes: free,
      },
    );
  }
}

/** Track, round and cluster ids have no dots, so names cannot collide or leave the folder. */
function uploadName({ track, round, cluster, digest }: UploadKey): string {
  return `${track}.${round}.${cluster}.${digest.slice('sha256:'.length)}`;
}

function changed(digest: Digest) {
  return refuse('DIGEST_MISMATCH', `blob ${digest} was changed on disk; restore it from a backup`);
}

function notFound(digest: Digest) {
  return refuse('BLOB_NOT_FOUND', `there is no blob ${digest}`);
}
