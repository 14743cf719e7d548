import { ok, type Result, refuse } from '../../../base/fault.ts';
import type { BlobFaultCode, BlobStore, BlobWriter, Upload, UploadKey } from '../../../coordinator/blobs/blob-store.ts';
import { digestOf } from '../../../proto/digest.ts';
import type { Digest } from '../../../proto/ids.ts';
import type { SimulatedProcess } from '../world/process.ts';
import type { CoordinatorImage, Disk, DiskFault } from './disk.ts';

/** Blobs on a simulated disk, with what the file store promises: whole and synced under their digest, or not there. */
export class DiskBlobs implements BlobStore {
  readonly #image: CoordinatorImage;
  readonly #disk: Disk;
  readonly #process: SimulatedProcess;
  readonly #open = new Set<string>();

  constructor(image: CoordinatorImage, disk: Disk, process: SimulatedProcess) {
    this.#image = image;
    this.#disk = disk;
    this.#process = process;
  }

  async put(bytes: Uint8Array): Promise<Result<Digest, BlobFaultCode>> {
    const digest = digestOf(bytes);
    if (this.#image.blobs.has(digest)) return ok(digest);
    const stored = new Uint8Array(bytes);
    // Written beside, synced, renamed: in part it has no name.
    const fault = await this.#write((part) => part === 1 && this.#image.blobs.set(digest, stored));
    return fault === undefined ? ok(digest) : faulty(fault);
  }

  async has(digest: Digest): Promise<boolean> {
    return this.#image.blobs.has(digest);
  }

  async size(digest: Digest): Promise<Result<number, BlobFaultCode>> {
    const bytes = this.#image.blobs.get(digest);
    return bytes === undefined ? notFound(digest) : ok(bytes.byteLength);
  }

  async *read(digest: Digest, offset = 0): AsyncGenerator<Uint8Array> {
    const bytes = await this.#read(digest);
    if (!bytes.ok) throw new Error(bytes.fault.message);
    yield bytes.value.slice(offset);
  }

  async get(digest: Digest): Promise<Result<Uint8Array<ArrayBuffer>, BlobFaultCode>> {
    const bytes = await this.#read(digest);
    if (!bytes.ok) return bytes;
    if (digestOf(bytes.value) === digest) return ok(bytes.value.slice());
    return refuse('DIGEST_MISMATCH', `the bytes of ${digest} have another digest`);
  }

  async verify(digest: Digest): Promise<Result<number, BlobFaultCode>> {
    const bytes = await this.get(digest);
    return bytes.ok ? ok(bytes.value.byteLength) : bytes;
  }

  withLocalFiles(): Promise<never> {
    throw new Error('simulator: nothing reads files of blobs');
  }

  create(): BlobWriter {
    throw new Error('simulator: blobs are put whole');
  }

  async openUpload(key: UploadKey): Promise<Result<Upload, BlobFaultCode>> {
    const name = nameOf(key);
    if (this.#open.has(name)) return refuse('UPLOAD_BUSY', 'another stream of this upload is open');
    if (this.#disk.mood === 'full') return faulty('DISK_FULL');
    this.#open.add(name);
    const image = this.#image;
    const isStored = image.blobs.has(key.digest);
    const bytesOf = () => image.uploads.get(name) ?? new Uint8Array();
    const drop = () => {
      this.#open.delete(name);
      image.uploads.delete(name);
    };
    const upload = {
      get received() {
        return isStored ? key.bytes : bytesOf().byteLength;
      },
      write: async (chunk: Uint8Array): Promise<Result<void, BlobFaultCode>> => {
        const before = bytesOf();
        if (isStored || before.byteLength + chunk.byteLength > key.bytes) {
          return refuse('LENGTH_MISMATCH', `more bytes than the ${key.bytes} announced`);
        }
        const piece = new Uint8Array(chunk);
        const fault = await this.#write((part) => {
          const kept = Math.floor(piece.byteLength * part);
          image.uploads.set(name, new Uint8Array(Buffer.concat([before, piece.subarray(0, kept)])));
        });
        return fault === undefined ? ok(undefined) : faulty(fault);
      },
      finish: async (): Promise<Result<Digest, BlobFaultCode>> => {
        if (isStored) return ok(key.digest);
        const whole = bytesOf();
        if (whole.byteLength < key.bytes) return refuse('LENGTH_MISMATCH', 'the upload is not whole; resume it');
        if (digestOf(whole) !== key.digest) {
          drop();
          return refuse('DIGEST_MISMATCH', 'the bytes do not have the announced digest');
        }
        const fault = await this.#write((part) => {
          if (part < 1) return;
          image.uploads.delete(name);
          image.blobs.set(key.digest, whole);
        });
        return fault === undefined ? ok(key.digest) : faulty(fault);
      },
      release: async () => void this.#open.delete(name),
    };
    return ok(upload);
  }

  async uploadedBytes(key: UploadKey): Promise<number> {
    if (this.#image.blobs.has(key.digest)) return key.bytes;
    return this.#image.uploads.get(nameOf(key))?.byteLength ?? 0;
  }

  async dropUploads(track: string, round: string): Promise<void> {
    for (const name of this.#image.uploads.keys()) {
      if (name.startsWith(`${track}.${round}.`)) this.#image.uploads.delete(name);
    }
  }

  async remove(digest: Digest): Promise<void> {
    await this.#disk.operate(this.#process, 'free', (part) => {
      if (part === 1) this.#image.blobs.delete(digest);
    });
  }

  async *list(): AsyncGenerator<Digest> {
    yield* [...this.#image.blobs.keys()];
  }

  async freeBytes(): Promise<number> {
    return this.#disk.mood === 'full' ? 0 : 2 ** 30;
  }

  async #read(digest: Digest): Promise<Result<Uint8Array<ArrayBuffer>, BlobFaultCode>> {
    const bytes = this.#image.blobs.get(digest);
    if (bytes === undefined) return notFound(digest);
    const fault = await this.#disk.operate(this.#process, 'read', () => {});
    return fault === undefined ? ok(bytes) : faulty(fault);
  }

  #write(apply: (part: number) => unknown): Promise<DiskFault | undefined> {
    return this.#disk.operate(this.#process, 'write', apply);
  }
}

function nameOf({ track, round, cluster, digest }: UploadKey): string {
  return `${track}.${round}.${cluster}.${digest}`;
}

function notFound(digest: Digest) {
  return refuse('BLOB_NOT_FOUND', `there is no blob ${digest}`);
}

function faulty(fault: DiskFault) {
  return fault === 'DISK_FULL' ? refuse('DISK_FULL', 'no room; free some') : refuse('BLOB_IO', 'the disk failed');
}
