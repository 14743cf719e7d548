import type { Result } from '../../base/fault.ts';
import type { Digest } from '../../proto/ids.ts';

/**
 * Proves by a write in its own epoch that this coordinator still leads, and gives the hexadecimal digests that the durable
 * state names then; undefined where it could not be shown.
 */
export type ProveLead = () => Promise<ReadonlySet<string> | undefined>;

export type BlobFaultCode =
  | 'BLOB_NOT_FOUND'
  /** The bytes do not have the digest they were announced with. What was stored of them is gone. */
  | 'DIGEST_MISMATCH'
  /** More, or fewer, bytes than announced. */
  | 'LENGTH_MISMATCH'
  /** The next byte wanted is another one: ask for `received` and go on there. */
  | 'OFFSET_MISMATCH'
  /** Another stream of the same upload is open. */
  | 'UPLOAD_BUSY'
  | 'DISK_FULL'
  | 'BLOB_IO';

/** Names one upload, so that it can be resumed: only its own cluster can touch it. */
export type UploadKey = Readonly<{ track: string; round: string; cluster: string; digest: Digest; bytes: number }>;

/** An open upload. Writes are ordered by the caller: await one before the next. */
export interface Upload {
  /** Bytes on disk so far: where the next write starts. */
  readonly received: number;
  /** Refused when it would pass the announced size. The chunk may be reused after it resolves. */
  write(chunk: Uint8Array): Promise<Result<void, BlobFaultCode>>;
  /** Checks size and digest, syncs, and moves the bytes to their place: durable when it resolves ok. */
  finish(): Promise<Result<Digest, BlobFaultCode>>;
  /** Keeps what came, for a later resume, and lets go. May be called twice, and after finish. */
  release(): Promise<void>;
}

/** A blob that grows piece by piece: it gets its name when it is whole. Methods throw what the medium throws. */
export interface BlobWriter {
  /** Blocks. The bytes may be reused after it returns. */
  write(bytes: Uint8Array): void;
  /** Durable under its digest when it resolves. */
  commit(): Promise<Digest>;
  /** Leaves nothing behind. After `commit` it does nothing. */
  abandon(): void;
}

/** Content-addressed bytes: sealed updates, models, provenance. Small, so that an object store can stand in. */
export interface BlobStore {
  /** Durable when it resolves ok. Storing what is there already costs one stat. */
  put(bytes: Uint8Array): Promise<Result<Digest, BlobFaultCode>>;
  has(digest: Digest): Promise<boolean>;
  /** Size in bytes. */
  size(digest: Digest): Promise<Result<number, BlobFaultCode>>;
  /** Bytes from an offset in chunks of at most 256 KiB. The reader verifies the digest of the whole. */
  read(digest: Digest, offset?: number): AsyncIterable<Uint8Array>;
  /** All bytes, with their digest checked. For blobs known to be small or wanted whole. */
  get(digest: Digest): Promise<Result<Uint8Array<ArrayBuffer>, BlobFaultCode>>;
  /** Whether the bytes still have their digest: their size, or why not. Blocks: for threads that may. */
  verify(digest: Digest): Promise<Result<number, BlobFaultCode>>;
  /**
   * Runs `work` while local files of these blobs exist, for readers that open files; it must not change them. A store
   * that is elsewhere fetches them into a cache of its own. What the store has not has no file: whoever opens it is told.
   */
  withLocalFiles<Value>(
    digests: readonly Digest[],
    work: (pathOf: (digest: Digest) => string) => Promise<Value>,
  ): Promise<Value>;
  /** Starts a blob whose digest nobody knows yet. Blocks as it writes: for threads that may. */
  create(): BlobWriter;
  /** Starts or resumes; digests of what is there already are computed as it is opened. */
  openUpload(key: UploadKey): Promise<Result<Upload, BlobFaultCode>>;
  /** Bytes held of an upload that has not finished. */
  uploadedBytes(key: UploadKey): Promise<number>;
  /** Removes unfinished uploads of a round; those that are open take nothing more. */
  dropUploads(track: string, round: string): Promise<void>;
  /**
   * Blobs that someone else wrote to files of this machine's store, as a thread does on a store that it joined: durable here,
   * as after `put`, when it resolves ok. Absent: what lies in the files is the store.
   */
  adopt?(digests: readonly Digest[]): Promise<Result<void, BlobFaultCode>>;
  /** Puts what it has lost of these and this machine's files still have. Absent: as `adopt`. */
  restock?(digests: Iterable<Digest>): Promise<Result<number, BlobFaultCode>>;
  /** Nobody needs it any more. A store that others share removes late (`sweep`), and may have it until then. */
  remove(digest: Digest): Promise<void>;
  /**
   * As `remove`, of what nothing named when somebody looked, while others are putting what they will name: it goes only where nothing names
   * it by then, and everything of it stays until then. Absent: where removals are not late.
   */
  removeUnnamed?(digest: Digest): void;
  /** Carries out what was asked to be removed and may go by now; how many went. Absent: `remove` does so at once. */
  sweep?(prove: ProveLead): Promise<number>;
  /** Every stored blob: for retention and for checks. */
  list(): AsyncIterable<Digest>;
  /** Free bytes of the medium, less the reserve that is kept for the journal. */
  freeBytes(): Promise<number>;
}
