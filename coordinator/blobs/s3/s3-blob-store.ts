import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { makeFolder, openAtomic, privateFolderMode } from '../../../base/atomic-file.ts';
import { type Fault, FaultError, ok, type Result, refuse } from '../../../base/fault.ts';
import type { Digest } from '../../../proto/ids.ts';
import type { BlobFaultCode, BlobStore, BlobWriter, ProveLead, Upload, UploadKey } from '../blob-store.ts';
import { type FileBlobStore, joinFileBlobStore, openFileBlobStore } from '../file-blob-store.ts';
import { temporaryPrefix } from '../file-blob-writer.ts';
import { forEachAtOnce } from './at-once.ts';
import type { Bucket } from './bucket.ts';
import { Confirmed, confirmedForMs } from './confirmed.ts';
import { ofThisDisk, writeChecked } from './fetched-file.ts';
import { LateRemovals, removalAgeMs } from './late-removals.ts';
import { PublishedUpload, publishedWriter } from './s3-upload.ts';

/**
 * Opens the store. `isKeeper`: this process alone writes to the folder, so that what a crash left half there goes; others that
 * share a machine join it.
 */
export async function openS3BlobStore(
  bucket: Bucket,
  dir: string,
  { isKeeper, ...options }: Readonly<{ isKeeper: boolean; reserveBytes?: number; removalAgeMs?: number }>,
): Promise<S3BlobStore> {
  const local = isKeeper ? await openFileBlobStore(dir, options) : await joined(dir);
  return new S3BlobStore({ bucket, local, dir, ...options });
}

async function joined(dir: string): Promise<FileBlobStore> {
  for (const name of ['blobs', 'partial']) makeFolder(join(dir, name), privateFolderMode);
  return joinFileBlobStore(dir);
}

type S3BlobStoreParts = Readonly<{
  bucket: Bucket;
  /** Files of this machine: what was put from here, synced, and copies of what was fetched. Nobody else's. */
  local: FileBlobStore;
  /** The folder with blobs/ and partial/ in it. */
  dir: string;
  /** Default: a day. */
  removalAgeMs?: number;
}>;

/**
 * Blobs in a bucket, with files of this machine in front. What is put lies in both, whole, when it resolves: the file is synced
 * and stays while someone may need it, which covers a store that does not sync. What is read comes from a file whose digest
 * this process has checked; a store that gives other bytes, or none, fails the read and is never believed.
 */
export class S3BlobStore implements BlobStore {
  readonly #bucket: Bucket;
  readonly #local: FileBlobStore;
  readonly #dir: string;
  readonly #removals: LateRemovals;
  /** In the bucket, seen a short time ago. */
  readonly #confirmed: Confirmed;
  /** Local files whose bytes this process has checked. */
  readonly #checked = new Set<Digest>();
  /** Fetches and puts under way, so that many who want one blob cost one request. */
  readonly #bringing = new Map<Digest, Promise<Result<void, BlobFaultCode>>>();
  readonly #publishing = new Map<Digest, Promise<Result<Digest, BlobFaultCode>>>();

  constructor({ bucket, local, dir, removalAgeMs: ageMs = removalAgeMs }: S3BlobStoreParts) {
    this.#bucket = bucket;
    this.#local = local;
    this.#dir = dir;
    this.#removals = new LateRemovals(bucket, ageMs, (digest) => this.#forget(digest));
    this.#confirmed = new Confirmed(bucket.timers);
  }

  async put(bytes: Uint8Array): Promise<Result<Digest, BlobFaultCode>> {
    const kept = await this.#local.put(bytes);
    if (!kept.ok) return kept;
    return this.#publish(kept.value);
  }

  async has(digest: Digest): Promise<boolean> {
    return (await this.size(digest)).ok;
  }

  async size(digest: Digest): Promise<Result<number, BlobFaultCode>> {
    await this.#removals.keep(digest);
    const here = await this.#local.size(digest);
    if (here.ok) {
      const there = await this.#publish(digest); // Counts only where it lies in both.
      if (there.ok) return here;
      // What this machine's file is not, or no longer, the bucket may have.
      if (there.fault.code !== 'DIGEST_MISMATCH' && there.fault.code !== 'BLOB_NOT_FOUND') return there;
    }
    const found = await this.#bucket.head(digest);
    if (!found.ok) return asBlobFault(found);
    return found.value === undefined ? notFound(digest) : ok(found.value.bytes);
  }

  async *read(digest: Digest, offset = 0): AsyncGenerator<Uint8Array> {
    const here = await this.#bring(digest);
    if (!here.ok) throw new FaultError(here.fault);
    yield* this.#local.read(digest, offset);
  }

  async get(digest: Digest): Promise<Result<Uint8Array<ArrayBuffer>, BlobFaultCode>> {
    const here = await this.#bring(digest);
    return here.ok ? this.#local.get(digest) : here;
  }

  async verify(digest: Digest): Promise<Result<number, BlobFaultCode>> {
    const here = await this.#bring(digest);
    return here.ok ? this.#local.verify(digest) : here;
  }

  /** Fetches what is not here. Throws where the store fails: only what is not there has no file. */
  async withLocalFiles<Value>(
    digests: readonly Digest[],
    work: (pathOf: (digest: Digest) => string) => Promise<Value>,
  ): Promise<Value> {
    await forEachAtOnce([...new Set(digests)], async (digest) => {
      const here = await this.#bring(digest);
      if (!here.ok && here.fault.code !== 'BLOB_NOT_FOUND') throw new FaultError(here.fault);
    });
    return work((digest) => this.#local.path(digest));
  }

  create(): BlobWriter {
    return publishedWriter(this.#local.create(), async (digest) => {
      this.#checked.add(digest);
      const there = await this.#publish(digest);
      if (!there.ok) throw new FaultError(there.fault);
    });
  }

  async openUpload(key: UploadKey): Promise<Result<Upload, BlobFaultCode>> {
    const upload = await this.#local.openUpload(key);
    if (!upload.ok) return upload;
    // What still comes is hashed as it is written, after what had come: it need not be read once more before it is put.
    const isHashed = upload.value.received < key.bytes;
    const publish = (digest: Digest) => {
      if (isHashed) this.#checked.add(digest);
      return this.#publish(digest);
    };
    return ok(new PublishedUpload(upload.value, publish));
  }

  uploadedBytes(key: UploadKey): Promise<number> {
    return this.#local.uploadedBytes(key);
  }

  dropUploads(track: string, round: string): Promise<void> {
    return this.#local.dropUploads(track, round);
  }

  async adopt(digests: readonly Digest[]): Promise<Result<void, BlobFaultCode>> {
    let refused: Result<void, BlobFaultCode> = ok(undefined);
    await forEachAtOnce([...new Set(digests)], async (digest) => {
      const here = await this.#local.size(digest);
      const there = here.ok ? await this.#publish(digest) : here;
      if (!there.ok) refused = there;
    });
    return refused;
  }

  async restock(digests: Iterable<Digest>): Promise<Result<number, BlobFaultCode>> {
    let put = 0;
    let refused: Result<number, BlobFaultCode> | undefined;
    await forEachAtOnce([...new Set(digests)], async (digest) => {
      const here = await this.#local.size(digest);
      if (!here.ok) return;
      const found = await this.#bucket.head(digest);
      if (!found.ok) refused = asBlobFault(found);
      else if (found.value?.bytes !== here.value) {
        const there = await this.#publish(digest);
        if (there.ok) put += 1;
        else refused = there;
      }
    });
    return refused ?? ok(put);
  }

  /** The file goes now, the object late (`sweep`). */
  async remove(digest: Digest): Promise<void> {
    this.#removals.ask(digest);
    this.#confirmed.delete(digest);
    await this.#forget(digest);
  }

  removeUnnamed(digest: Digest): void {
    this.#removals.askUnnamed(digest);
    this.#confirmed.delete(digest);
  }

  sweep(prove: ProveLead): Promise<number> {
    return this.#removals.sweep(prove);
  }

  /** What the bucket lists, and then what never got there: files of this machine alone. */
  async *list(): AsyncGenerator<Digest> {
    const listed = new Set<Digest>();
    for await (const digest of this.#bucket.list()) {
      listed.add(digest);
      yield digest;
    }
    for await (const digest of this.#local.list()) if (!listed.has(digest)) yield digest;
  }

  freeBytes(): Promise<number> {
    return this.#local.freeBytes();
  }

  /** In a file of this machine whose bytes have the digest, or why not. */
  async #bring(digest: Digest): Promise<Result<void, BlobFaultCode>> {
    await this.#removals.keep(digest);
    return once(this.#bringing, digest, () =>
      orDiskFault(async () => {
        if (await this.#isIntact(digest)) return ok(undefined);
        const found = await this.#bucket.fetch(digest, (body) => this.#store(digest, body));
        if (!found.ok) return asBlobFault(found);
        if (!found.value) return notFound(digest);
        this.#checked.add(digest);
        return ok(undefined);
      }),
    );
  }

  async #store(digest: Digest, body: AsyncIterable<Uint8Array>): Promise<void> {
    const temporary = join(this.#dir, 'partial', `${temporaryPrefix}${randomUUID()}`);
    // Not synced: what a power cut takes is fetched again, and a name of before this start is not believed.
    const path = this.#local.path(digest);
    const writing = await ofThisDisk(() => openAtomic(path, { temporary, durable: false }));
    try {
      await writeChecked(writing.file, body, digest);
      await ofThisDisk(() => writing.commit());
    } finally {
      await writing.abandon();
    }
  }

  /** Whether a file is here and has its digest; read once in a run, since who else writes here renames whole files. */
  async #isIntact(digest: Digest): Promise<boolean> {
    if (this.#checked.has(digest) && (await this.#local.size(digest)).ok) return true;
    if (!(await this.#local.get(digest)).ok) return false;
    this.#checked.add(digest);
    return true;
  }

  async #forget(digest: Digest): Promise<void> {
    this.#checked.delete(digest);
    await this.#local.remove(digest);
  }

  /** Puts the file that is here into the bucket, unless it was seen there within the hour. */
  async #publish(digest: Digest): Promise<Result<Digest, BlobFaultCode>> {
    await this.#removals.keep(digest);
    if (this.#confirmed.has(digest)) return ok(digest);
    return once(this.#publishing, digest, () =>
      orDiskFault(async () => {
        if (!(await this.#isIntact(digest))) {
          return refuse('DIGEST_MISMATCH', `blob ${digest} was changed on this machine's disk; it is not put anywhere`);
        }
        const size = await this.#local.size(digest);
        if (!size.ok) return size;
        const put = await this.#putWhole(digest, size.value);
        if (!put.ok) return asBlobFault(put);
        this.#confirmed.add(digest);
        return ok(digest);
      }),
    );
  }

  /** Puts it where it is not there, or is old: what is about to be named must be young, for the old may be removed. */
  async #putWhole(digest: Digest, bytes: number) {
    const file = { path: this.#local.path(digest), bytes };
    let isWritten = await this.#bucket.put(digest, file, { onlyNew: true });
    for (let attempt = 0; ; attempt++) {
      if (!isWritten.ok) return isWritten;
      const found = await this.#bucket.head(digest);
      if (!found.ok) return found;
      const isWhole = found.value?.bytes === bytes;
      if (isWhole && (isWritten.value === 'stored' || (found.value?.ageMs ?? 0) < confirmedForMs)) return ok(undefined);
      if (attempt > 0) {
        return refuse('BLOB_IO', `the store took blob ${digest} and does not show it whole; it is tried again`);
      }
      isWritten = await this.#bucket.put(digest, file, { onlyNew: false });
    }
  }
}

/** What ends a request for good is told by its message; to who works with blobs it is a store that fails. */
function asBlobFault({ fault }: Readonly<{ fault: Readonly<{ message: string }> }>) {
  return refuse('BLOB_IO', fault.message);
}

/** What this machine's disk failed at, thrown through a request to the store, as who works with blobs hears of it. */
async function orDiskFault<Value>(
  act: () => Promise<Result<Value, BlobFaultCode>>,
): Promise<Result<Value, BlobFaultCode>> {
  try {
    return await act();
  } catch (error) {
    if (error instanceof FaultError) return { ok: false, fault: error.fault as Fault<BlobFaultCode> };
    throw error;
  }
}

function notFound(digest: Digest) {
  return refuse('BLOB_NOT_FOUND', `there is no blob ${digest} in the bucket`);
}

/** One of these at a time for each blob; whoever comes meanwhile gets its answer. */
function once<Value>(running: Map<Digest, Promise<Value>>, digest: Digest, work: () => Promise<Value>): Promise<Value> {
  const known = running.get(digest);
  if (known !== undefined) return known;
  const started = work().finally(() => running.delete(digest));
  running.set(digest, started);
  return started;
}
