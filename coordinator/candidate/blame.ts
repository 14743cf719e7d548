import { isDiskFull } from '../../base/atomic-file.ts';
import { type Refused, refuse } from '../../base/fault.ts';
import type { SealedReadFaultCode } from '../../proto/envelope/files/sealed-reader.ts';
import type { RunFaultCode } from './job.ts';

/**
 * Whose fault it is that an update does not open, once its stored bytes were found to have the digest that its sender
 * signed. Only what those very bytes cause is the sender's, and only that lets f fall; everything else is ours, is tried
 * again, and abandons the round by name at its deadline. The compiler asks for each new code.
 */
export const causeOf = {
  PAYLOAD_MALFORMED: 'sender',
  PAYLOAD_TRUNCATED: 'sender',
  PAYLOAD_LENGTH_MISMATCH: 'sender',
  PAYLOAD_WRONG_KEY: 'sender',
  PAYLOAD_TAMPERED: 'sender',
  KEY_INVALID: 'sender',
  /** They opened and are others: another file was read than the one whose digest was compared. */
  PAYLOAD_DIGEST_MISMATCH: 'us',
  /** The context is made from our own journal. */
  HEADER_INVALID: 'us',
  STORAGE_FAILED: 'us',
} as const satisfies Record<SealedReadFaultCode, 'sender' | 'us'>;

/** What a throw in the middle of a job says to who waits for it. */
export function causeOfFailure(error: unknown): Refused<RunFaultCode> {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const text = error instanceof Error ? error.message : String(error);
  if (isDiskFull(error)) {
    return refuse('DISK_FULL', 'aggregation: no space left for the candidate; free space, it is tried again');
  }
  if (code !== '') return refuse('BLOB_UNREADABLE', `aggregation: a file failed (${text}); it is tried again`);
  return refuse('WORKER_LOST', `aggregation: it failed (${text}); it is tried again`);
}
