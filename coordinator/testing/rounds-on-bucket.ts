import { unwrap } from '../../base/fault.ts';
import { systemTimers } from '../../base/system-timers.ts';
import type { BucketSettings } from '../blobs/s3/bucket-settings.ts';
import { openBucket } from '../blobs/s3/probe.ts';
import { openS3BlobStore } from '../blobs/s3/s3-blob-store.ts';

const variable = 'TESTUDO_TEST_BUCKET';

/** The environment in which round-process.ts keeps its blobs in a bucket. */
export function onBucket(settings: BucketSettings): Record<string, string> {
  return { [variable]: JSON.stringify(settings) };
}

/** Where an engine of this process keeps its blobs, where its environment names a bucket; `dir` holds copies. */
export async function bucketAsked(dir: string) {
  const text = process.env[variable];
  if (text === undefined) return {};
  const { bucket } = unwrap(await openBucket(JSON.parse(text) as BucketSettings, systemTimers));
  return { openBlobs: () => openS3BlobStore(bucket, dir, { isKeeper: true }) };
}
