import type { Backoff } from '../../../base/backoff.ts';

/** Where blobs lie: a bucket of an S3-compatible store, and how it is spoken to. Holds secrets: never logged, never printed. */
export type BucketSettings = Readonly<{
  /** URL of the store, without the bucket. */
  endpoint: string;
  bucket: string;
  region: string;
  /** Before every key: empty, or ends with "/". */
  prefix: string;
  /** The bucket in the path, not in the host's name. */
  pathStyle: boolean;
  accessKeyId: string;
  secretAccessKey: string;
  /** PEM of the authority that signed the store's certificate; absent: one that this machine trusts. */
  ca?: string | undefined;
  /** How long one request may take before its first byte, in milliseconds; bytes have time beside it (`bytesPerSecondMin`). */
  patienceMs: number;
  /** A store that is slower than this has failed. */
  bytesPerSecondMin: number;
  /** How often a request is made before it has failed, and the pauses between. */
  tries: Readonly<{ max: number; between: Backoff }>;
}>;

/** What a store was found to do, by trying it (probe.ts): nothing that must be right rests on any of it. */
export type StoreHabits = Readonly<{
  /** Refuses bytes that do not have the SHA-256 that they were sent with. */
  checksBytes: boolean;
  /** Refuses to write over what is there when it is told not to. */
  keepsFirst: boolean;
}>;
