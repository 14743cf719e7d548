import { type Fault, refuse } from '../../base/fault.ts';
import type { BlobFaultCode } from '../blobs/blob-store.ts';

/** What the blob store says, in the words that callers know. */
export function storeFault<Code extends string>({
  code,
  message,
}: Fault<Code>): Readonly<{ ok: false; fault: Fault<Exclude<Code, BlobFaultCode> | 'DISK_FULL' | 'JOURNAL_IO'> }> {
  switch (code) {
    case 'BLOB_NOT_FOUND':
    case 'BLOB_IO':
    case 'DIGEST_MISMATCH':
    case 'LENGTH_MISMATCH':
    case 'OFFSET_MISMATCH':
    case 'UPLOAD_BUSY':
      return refuse('JOURNAL_IO', message);
    default:
      return { ok: false, fault: { code, message } as Fault<Exclude<Code, BlobFaultCode> | 'DISK_FULL'> };
  }
}
