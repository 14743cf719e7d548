import { Metadata, type ServiceError, status } from '@grpc/grpc-js';
import type { Fault } from '../../base/fault.ts';
import { faultCodeKey, retryAfterKey } from '../../proto/wire-names.ts';

/** Choosing a status is choosing what the peer does next. */
const statusOf = {
  REQUEST_INVALID: status.INVALID_ARGUMENT,
  CERTIFICATE_REQUEST_INVALID: status.INVALID_ARGUMENT,
  OFFSET_BEYOND_END: status.OUT_OF_RANGE,
  TOKEN_UNKNOWN: status.UNAUTHENTICATED,
  CERTIFICATE_MISSING: status.UNAUTHENTICATED,
  ROLE_INSUFFICIENT: status.PERMISSION_DENIED,
  TRACK_NOT_FOUND: status.NOT_FOUND,
  MODEL_UNKNOWN: status.NOT_FOUND,
  VERSION_NOT_FOUND: status.NOT_FOUND,
  REPORT_INVALID: status.INVALID_ARGUMENT,
  KEY_INVALID: status.INVALID_ARGUMENT,
  EVIDENCE_CONFLICT: status.ALREADY_EXISTS,
  CLUSTER_QUARANTINED: status.PERMISSION_DENIED,
  FETCHES_BUSY: status.RESOURCE_EXHAUSTED,
  PEER_TOO_SLOW: status.DEADLINE_EXCEEDED,
  RATE_LIMITED: status.RESOURCE_EXHAUSTED,
  // The same later.
  DISK_FULL: status.UNAVAILABLE,
  DRAINING: status.UNAVAILABLE,
  METADATA_UNREADY: status.UNAVAILABLE,
  COORDINATOR_AWAY: status.UNAVAILABLE,
  // The hub's own: to the peer it is away.
  REVIEW_FAILED: status.UNAVAILABLE,
} as const;

export type HubFaultCode = keyof typeof statusOf;

/** What a peer is told: the code, and when to come back where that is known. The message is for the hub's log. */
export function refusalOf({ code, fields }: Fault<HubFaultCode>): ServiceError {
  const metadata = new Metadata();
  if (code !== 'REVIEW_FAILED') metadata.set(faultCodeKey, code);
  if (typeof fields?.retryAfterMs === 'number') metadata.set(retryAfterKey, String(fields.retryAfterMs));
  return Object.assign(new Error(code), { code: statusOf[code], details: code, metadata });
}
