import { type Refused, refuse } from '../../../base/fault.ts';
import type { BucketSettings } from './bucket-settings.ts';

export type BucketFaultCode =
  /** The store failed, or was too slow, or gave bytes that are not the blob's. Whether a write was done is not known. */
  | 'BLOB_IO'
  /** The store does not know the key, or does not let it do this. */
  | 'BLOB_STORE_DENIED'
  | 'BUCKET_NOT_FOUND'
  /** The store's clock and ours are too far apart for its signatures. */
  | 'BLOB_CLOCK';

/** The status of an answer that the SDK turned into an error; undefined where no answer came. */
export function statusIn(error: unknown): number | undefined {
  const { $metadata } = error as { $metadata?: { httpStatusCode?: number } };
  return $metadata?.httpStatusCode;
}

/** Whether asking again may help: no answer came, or one that says so. */
export function mayPass(error: unknown): boolean {
  const status = statusIn(error);
  return status === undefined || status >= 500 || status === 408 || status === 429 || status === 200;
}

/** The store's own text, which holds no secret of ours. */
function toldIn(error: unknown): string {
  const { name = '', message = '' } = error as Partial<Error>;
  const status = statusIn(error);
  return `${status === undefined ? '' : `${status} `}${name}${message === '' || message === name ? '' : `: ${message}`}`;
}

/** As below, of a store that was asked for the first time, by who does not go on without it. */
export function startFault(error: unknown, { endpoint, bucket }: BucketSettings): Refused<BucketFaultCode> {
  const refused = bucketFault(error, bucket);
  if (refused.fault.code !== 'BLOB_IO') return refused;
  const remedy = 'start it, or mend blobs.s3.endpoint and blobs.s3.tls';
  return refuse('BLOB_IO', `the store of blobs at ${endpoint} failed (${toldIn(error)}); ${remedy}`);
}

/** What the store's error means, and what to do about it. */
export function bucketFault(error: unknown, bucket: string): Refused<BucketFaultCode> {
  const { name = '' } = error as Partial<Error>;
  const status = statusIn(error);
  const told = toldIn(error);
  if (name === 'RequestTimeTooSkewed') {
    return refuse('BLOB_CLOCK', `the store's clock and this machine's differ too much (${told}); set the clocks`);
  }
  if (name === 'NoSuchBucket') {
    return refuse('BUCKET_NOT_FOUND', `there is no bucket ${bucket}; make it, or correct blobs.s3.bucket`);
  }
  if (status === 401 || status === 403) {
    const remedy = 'check blobs.s3.credentials, and that they may get, put, delete and list there';
    return refuse('BLOB_STORE_DENIED', `the store refuses us at bucket ${bucket} (${told}); ${remedy}`);
  }
  return refuse('BLOB_IO', `the store of blobs failed (${told}); it is tried again, look at the store`);
}
