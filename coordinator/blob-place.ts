import { makeFolder } from '../base/atomic-file.ts';
import { type Fault, FaultError, ok, type Result, refuse } from '../base/fault.ts';
import type { Timers } from '../base/time.ts';
import type { Digest } from '../proto/ids.ts';
import type { BlobFaultCode, BlobStore } from './blobs/blob-store.ts';
import type { BucketFaultCode } from './blobs/s3/bucket-faults.ts';
import type { BucketSettings } from './blobs/s3/bucket-settings.ts';
import { placesIn } from './candidate/places.ts';
import type { BucketConfig, CoordinatorConfig } from './config/config.ts';
import { readSecret } from './keys/master-key.ts';
import { readTrustedAuthority } from './keys/trusted-authority.ts';

/** Where blobs lie that do not lie in the data directory alone. */
export type BlobPlace = Readonly<{
  /** For the one who writes to this data directory: what a crash left half there goes. */
  open(): Promise<BlobStore>;
  /** For who runs jobs in it. */
  join(): Promise<JoinedBlobs>;
  /** Fetches into `blobs` of another folder those of these, hexadecimal, that the bucket has. */
  fetchInto(dir: string, hexes: Iterable<string>): Promise<Result<void, BlobFaultCode>>;
  close(): void;
}>;

export type JoinedBlobs = Readonly<{
  blobs: BlobStore;
  /** Lets go of fetched files beyond what the configuration allows. */
  trim(): Promise<void>;
}>;

export type BlobPlaceFaultCode = BucketFaultCode | 'SECRET_UNAVAILABLE';

/** The bucket of a configuration, tried; undefined where it names none. Loaded only where one is named. */
export async function openBlobPlace(
  { blobs, dataDirectory }: Pick<CoordinatorConfig, 'blobs' | 'dataDirectory'>,
  environment: NodeJS.ProcessEnv,
  timers: Timers,
  trouble: (code: string, message: string) => void,
): Promise<Result<BlobPlace | undefined, BlobPlaceFaultCode>> {
  if (blobs.s3 === null) return ok(undefined);
  const settings = await bucketSettingsOf(blobs.s3, environment);
  if (!settings.ok) return settings;
  const [{ openBucket }, { openS3BlobStore }, { trimCache }] = await Promise.all([
    import('./blobs/s3/probe.ts'),
    import('./blobs/s3/s3-blob-store.ts'),
    import('./blobs/s3/trim-cache.ts'),
  ]);
  const found = await openBucket(settings.value, timers);
  if (!found.ok) return found;
  const { bucket, isVersioned } = found.value;
  if (isVersioned) {
    trouble('BLOB_VERSIONED', `bucket ${bucket.name} keeps versions: what is removed there is not gone; turn that off`);
  }
  const cacheBytesMax = blobs.s3.cacheMiB * 2 ** 20;
  return ok({
    open: () => openS3BlobStore(bucket, dataDirectory, { isKeeper: true }),
    async join() {
      makeFolder(placesIn(dataDirectory).scratchDir, 0o700);
      const store = await openS3BlobStore(bucket, dataDirectory, { isKeeper: false });
      return { blobs: store, trim: () => trimCache(dataDirectory, cacheBytesMax, timers.now()) };
    },
    async fetchInto(dir, hexes) {
      const store = await openS3BlobStore(bucket, dir, { isKeeper: false });
      try {
        await store.withLocalFiles(
          [...hexes].map((hex) => `sha256:${hex}` as Digest),
          async () => {},
        );
        return ok(undefined);
      } catch (error) {
        if (error instanceof FaultError) return { ok: false, fault: error.fault as Fault<BlobFaultCode> };
        throw error;
      }
    },
    close: () => bucket.close(),
  });
}

/** As a bucket is spoken to: with the secrets that its configuration names. */
export async function bucketSettingsOf(
  { credentials, tls, patienceSeconds, cacheMiB: _, unprotected: __, ...rest }: BucketConfig,
  environment: NodeJS.ProcessEnv,
): Promise<Result<BucketSettings, 'SECRET_UNAVAILABLE'>> {
  const [accessKeyId, secretAccessKey] = [
    await readSecret(credentials.accessKeyId, environment),
    await readSecret(credentials.secretAccessKey, environment),
  ];
  for (const secret of [accessKeyId, secretAccessKey]) {
    if (!secret.ok) return refuse('SECRET_UNAVAILABLE', `blobs.s3.credentials from ${secret.fault.message}`);
  }
  const ca = await readTrustedAuthority('blobs.s3.tls.ca', tls?.ca);
  if (!ca.ok || !accessKeyId.ok || !secretAccessKey.ok) return ca.ok ? (accessKeyId as never) : ca;
  return ok({
    ...rest,
    accessKeyId: accessKeyId.value,
    secretAccessKey: secretAccessKey.value,
    ca: ca.value,
    patienceMs: patienceSeconds * 1_000,
    bytesPerSecondMin: 65_536,
    tries: { max: 4, between: { firstMs: 200, maxMs: 2_000 } },
  });
}
