import { isDiskFull, isMissing } from '../../base/atomic-file.ts';
import { type Refused, refuse } from '../../base/fault.ts';
import type { BlobFaultCode } from './blob-store.ts';

/** What a file system error means to whoever stores a blob. */
export function blobFault(error: unknown): Refused<BlobFaultCode> {
  if (isDiskFull(error)) {
    return refuse('DISK_FULL', 'no space left for this blob; nothing of it counts. Free space and try again');
  }
  if (isMissing(error)) return refuse('BLOB_NOT_FOUND', 'the blob is not there');
  const text = error instanceof Error ? error.message : String(error);
  return refuse('BLOB_IO', `the disk failed while it stored a blob (${text}); check the disk`);
}

/** Of an upload that goes on after it was let go, as at the end of its round. */
export function letGo(): Refused<BlobFaultCode> {
  return refuse(
    'BLOB_IO',
    'this upload was let go, and nothing more of it is kept; begin it anew, where its round still runs',
  );
}
