import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ok, type Result, refuse } from '../../base/fault.ts';
import { digestOf } from '../../proto/digest.ts';
import type { Digest } from '../../proto/ids.ts';
import type { BlobFaultCode, BlobStore, BlobWriter, Upload, UploadKey } from './blob-store.ts';
import { MemoryUpload } from './memory-upload.ts';

const readChunkBytes = 262_144;

/** Blobs of one process, gone with it: for simulations, and for tests that are not about files. */
export class MemoryBlobStore implements BlobStore {
  readonly #capacityBytes: number;
  readonly #blobs = new Map<Digest, Uint8Array<ArrayBuffer>>();
  /** What came of uploads, by name; an entry stays until its upload is whole or dropped. */
  readonly #partial = new Map<string, MemoryUpload>();

  constructor({ capacityBytes = 2 ** 30 }: Readonly<{ capacityBytes?: number }> = {}) {
    this.#capacityBytes = capacityBytes;
  }

  async put(bytes: Uint8Array): Promise<Result<Digest, BlobFaultCode>> {
    const digest = digestOf(bytes);
    if (this.#blobs.has(digest)) return ok(digest);
    const free = await this.freeBytes();
    if (free < bytes.byteLength || free === 0) return full(bytes.byteLength);
    this.#blobs.set(digest, new Uint8Array(bytes));
    return ok(digest);
  }

  async has(digest: Digest): Promise<boolean> {
    return this.#blobs.has(digest);
  }

  async size(digest: Digest): Promise<Result<number, BlobFaultCode>> {
    const bytes = this.#blobs.get(digest);
    return bytes === undefined ? notFound(digest) : ok(bytes.byteLength);
  }

  async *read(digest: Digest, offset = 0): AsyncGenerator<Uint8Array> {
    const bytes = this.#blobs.get(digest);
    if (bytes === undefined) throw new Error(`there is no blob ${digest}`);
    for (let at = offset; at < bytes.byteLength; at += readChunkBytes) yield bytes.slice(at, at + readChunkBytes);
  }

  async get(digest: Digest): Promise<Result<Uint8Array<ArrayBuffer>, BlobFaultCode>> {
    const bytes = this.#blobs.get(digest);
    return bytes === undefined ? notFound(digest) : ok(bytes.slice());
  }

  verify(digest: Digest): Promise<Result<number, BlobFaultCode>> {
    return this.size(digest); // Nobody else can reach these bytes.
  }

  async withLocalFiles<Value>(
    digests: readonly Digest[],
    work: (pathOf: (digest: Digest) => string) => Promise<Value>,
  ): Promise<Value> {
    const folder = await mkdtemp(join(tmpdir(), 'testudo-blobs-'));
    try {
      const pathOf = (digest: Digest) => join(folder, digest.slice('sha256:'.length));
      for (const digest of new Set(digests)) {
        const bytes = this.#blobs.get(digest);
        if (bytes !== undefined) await writeFile(pathOf(digest), bytes, { mode: 0o600 });
      }
      return await work(pathOf);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }

  create(): BlobWriter {
    let pieces: Uint8Array[] | undefined = [];
    return {
      write(bytes) {
        if (pieces === undefined) throw new Error('blob writer: already committed or abandoned');
        pieces.push(new Uint8Array(bytes)); // Not `slice`: of a Buffer that is no copy.
      },
      commit: async () => {
        if (pieces === undefined) throw new Error('blob writer: already committed or abandoned');
        const bytes = new Uint8Array(Buffer.concat(pieces));
        pieces = undefined;
        const digest = digestOf(bytes);
        this.#blobs.set(digest, bytes);
        return digest;
      },
      abandon() {
        pieces = undefined;
      },
    };
  }

  async openUpload(key: UploadKey): Promise<Result<Upload, BlobFaultCode>> {
    const name = uploadName(key);
    const known = this.#partial.get(name);
    if (known?.isOpen === true) {
      return refuse('UPLOAD_BUSY', 'another stream of this upload is open; end it, or wait until it times out');
    }
    const stored = (await this.size(key.digest)).ok;
    const upload = known ?? new MemoryUpload(key, stored);
    const free = (await this.freeBytes()) - (known === undefined ? upload.remaining : 0);
    if (free <= 0) return full(upload.remaining);
    this.#partial.set(name, upload);
    upload.open({
      stored: (bytes) => {
        if (bytes !== undefined) this.#blobs.set(key.digest, bytes);
      },
      ended: () => this.#partial.delete(name),
    });
    return ok(upload);
  }

  async uploadedBytes(key: UploadKey): Promise<number> {
    const known = this.#partial.get(uploadName(key));
    if (known !== undefined) return known.received;
    return this.#blobs.has(key.digest) ? key.bytes : 0;
  }

  async dropUploads(track: string, round: string): Promise<void> {
    for (const [name, upload] of this.#partial) {
      if (!name.startsWith(`${track}.${round}.`)) continue;
      await upload.release();
      this.#partial.delete(name);
    }
  }

  async remove(digest: Digest): Promise<void> {
    this.#blobs.delete(digest);
  }

  async *list(): AsyncGenerator<Digest> {
    yield* [...this.#blobs.keys()];
  }

  async freeBytes(): Promise<number> {
    let used = 0;
    for (const bytes of this.#blobs.values()) used += bytes.byteLength;
    for (const upload of this.#partial.values()) used += upload.bytes;
    return Math.max(0, this.#capacityBytes - used);
  }
}

/** Track, round and cluster ids have no dots, so names cannot collide. */
function uploadName({ track, round, cluster, digest }: UploadKey): string {
  return `${track}.${round}.${cluster}.${digest}`;
}

function notFound(digest: Digest) {
  return refuse('BLOB_NOT_FOUND', `there is no blob ${digest}`);
}

function full(bytes: number) {
  return refuse('DISK_FULL', `no room for ${bytes} more bytes; remove something and try again`);
}
