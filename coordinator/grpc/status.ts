import { Metadata, type StatusObject, status } from '@grpc/grpc-js';
import type { Fault } from '../../base/fault.ts';
import type { ServedFaultCode } from '../../proto/served-faults.ts';
import { faultCodeKey, faultMessageKey } from '../../proto/wire-names.ts';

export type Status = Partial<StatusObject> & { code: status; details: string };

/** Trailers are small: what a message lists is cut there. */
const messageCharactersMax = 1_500;

/** Choosing a status is choosing what the caller does next: one line for each code, and what that is. */
export const statusOf = {
  // The caller's own mistake: the same call fails again. Fix it first.
  MESSAGE_MALFORMED: status.INVALID_ARGUMENT,
  REQUEST_INVALID: status.INVALID_ARGUMENT,
  HEADER_INVALID: status.INVALID_ARGUMENT,
  HEADER_MISSING: status.INVALID_ARGUMENT,
  LENGTH_MISMATCH: status.INVALID_ARGUMENT,
  DIGEST_MISMATCH: status.INVALID_ARGUMENT, // What was stored is gone: seal and send again from the start.
  CERTIFICATE_REQUEST_INVALID: status.INVALID_ARGUMENT,
  KEY_INVALID: status.INVALID_ARGUMENT,
  POLICY_INVALID: status.INVALID_ARGUMENT,
  FREEZE_INVALID: status.INVALID_ARGUMENT,
  SAMPLE_INVALID: status.INVALID_ARGUMENT,
  ANTIBODY_INVALID: status.INVALID_ARGUMENT,
  ANTIBODY_UNKNOWN: status.NOT_FOUND,
  ANTIBODIES_FULL: status.FAILED_PRECONDITION,
  SPEC_INVALID: status.INVALID_ARGUMENT,
  SPEC_TOO_LARGE: status.INVALID_ARGUMENT,
  OFFSET_BEYOND_END: status.OUT_OF_RANGE,
  REPORT_INVALID: status.INVALID_ARGUMENT,
  EVIDENCE_CONFLICT: status.ALREADY_EXISTS, // The chain was rewritten: an operator looks into it.
  REASON_INVALID: status.INVALID_ARGUMENT,
  CHANNEL_INVALID: status.INVALID_ARGUMENT,
  PINS_INVALID: status.INVALID_ARGUMENT,
  ROOT_INVALID: status.INVALID_ARGUMENT,
  IMPORT_INVALID: status.INVALID_ARGUMENT,

  // Who is calling: get a certificate, or another one. Alarm where a signature does not fit.
  CERTIFICATE_MISSING: status.UNAUTHENTICATED,
  CERTIFICATE_FOREIGN: status.UNAUTHENTICATED,
  CERTIFICATE_EXPIRED: status.UNAUTHENTICATED,
  CERTIFICATE_SUPERSEDED: status.UNAUTHENTICATED,
  SIGNATURE_INVALID: status.UNAUTHENTICATED,
  TOKEN_UNKNOWN: status.UNAUTHENTICATED,
  TOKEN_USED: status.UNAUTHENTICATED,
  TOKEN_EXPIRED: status.UNAUTHENTICATED,
  TOKEN_REVOKED: status.UNAUTHENTICATED,
  MEMBER_UNPROVEN: status.UNAUTHENTICATED,
  REJOIN_TOO_LATE: status.UNAUTHENTICATED, // Only a new token helps.
  CLUSTER_NOT_ENROLLED: status.PERMISSION_DENIED,
  CLUSTER_REVOKED: status.PERMISSION_DENIED,
  CLUSTER_QUARANTINED: status.PERMISSION_DENIED,
  CLUSTER_MISMATCH: status.PERMISSION_DENIED,
  FEDERATION_MISMATCH: status.PERMISSION_DENIED,
  OPERATOR_UNKNOWN: status.PERMISSION_DENIED,
  OPERATOR_REMOVED: status.PERMISSION_DENIED,
  DOOR_UNKNOWN: status.PERMISSION_DENIED,
  DOOR_REVOKED: status.PERMISSION_DENIED,
  ROLE_INSUFFICIENT: status.PERMISSION_DENIED,
  CLASS_NOT_DECLARED: status.INVALID_ARGUMENT, // A build that does not know blocks by class: update it.
  CLASS_NOT_APPROVED: status.PERMISSION_DENIED, // An operator approves classes with the join token.
  NOT_IN_COHORT: status.PERMISSION_DENIED, // Wait for an invitation.

  // What is asked for is not there.
  TRACK_NOT_FOUND: status.NOT_FOUND,
  FREEZE_NOT_FOUND: status.NOT_FOUND,
  ROUND_NOT_FOUND: status.NOT_FOUND,
  MODEL_NOT_FOUND: status.NOT_FOUND,
  MODEL_UNKNOWN: status.NOT_FOUND,
  VERSION_NOT_FOUND: status.NOT_FOUND,
  CHANNEL_NOT_FOUND: status.NOT_FOUND,

  // The world has moved on: look at the current invitation, train again, or let it be.
  ROUND_CLOSED: status.FAILED_PRECONDITION,
  ROUND_NOT_COLLECTING: status.FAILED_PRECONDITION,
  ROUND_ENDED: status.FAILED_PRECONDITION,
  SAMPLE_ABSENT: status.FAILED_PRECONDITION, // `testudo tracks sample put`, or another policy.
  ROUND_OPEN: status.FAILED_PRECONDITION,
  ROUNDS_EXHAUSTED: status.FAILED_PRECONDITION,
  DASHBOARD_OFF: status.FAILED_PRECONDITION, // Set listen.dashboard first.
  FROZEN: status.FAILED_PRECONDITION,
  LAST_ADMIN: status.FAILED_PRECONDITION,
  ROUND_WITHOUT_CANDIDATE: status.FAILED_PRECONDITION,
  INPUTS_NOT_KEPT: status.FAILED_PRECONDITION, // Gone for good: replay a round whose policy keeps them.
  AGGREGATION_REFUSED: status.FAILED_PRECONDITION,
  ROUND_KEY_LOST: status.FAILED_PRECONDITION,
  BASE_MISMATCH: status.FAILED_PRECONDITION,
  SCHEMA_MISMATCH: status.FAILED_PRECONDITION,
  UPDATE_TOO_STALE: status.ABORTED, // Fetch the newer global model and train again.
  UPDATE_CONFLICT: status.ALREADY_EXISTS, // Another update of this cluster counts; this one never will.
  PAYLOAD_REUSED: status.ALREADY_EXISTS, // Another cluster's bytes: seal one's own.
  TRACK_EXISTS: status.ALREADY_EXISTS,
  STREAM_REPLACED: status.ABORTED, // A newer stream of the same cluster took over: let it.

  // Releases: look at the track's releases and channels, and ask for something else.
  VERSION_RETIRED: status.FAILED_PRECONDITION,
  VERSION_REVOKED: status.FAILED_PRECONDITION,
  VERSION_NOT_NEWER: status.FAILED_PRECONDITION,
  BELOW_FLOOR: status.FAILED_PRECONDITION,
  CHANNEL_RESERVED: status.FAILED_PRECONDITION,
  CHANNEL_ASSIGNED: status.FAILED_PRECONDITION,
  CHANNELS_EXHAUSTED: status.FAILED_PRECONDITION,
  ASSIGNMENTS_EXHAUSTED: status.FAILED_PRECONDITION,
  NOTHING_TO_CHANGE: status.FAILED_PRECONDITION,
  GATE_NOT_OPEN: status.FAILED_PRECONDITION,
  GATE_NOT_PASSED: status.FAILED_PRECONDITION,
  APPROVAL_REPEATED: status.FAILED_PRECONDITION, // Another operator must approve.
  PIN_ILLEGAL: status.FAILED_PRECONDITION,
  PINS_UNSIGNED: status.PERMISSION_DENIED, // By nobody whom root names for pins.
  PINS_STALE: status.ABORTED, // Fetch the pins in force, change those and sign again.
  ROOT_ABSENT: status.FAILED_PRECONDITION,
  ROOT_KEY_UNKNOWN: status.FAILED_PRECONDITION,
  RELEASE_KEY_ABSENT: status.FAILED_PRECONDITION,
  RELEASE_INCOMPLETE: status.FAILED_PRECONDITION,
  IMPORT_UNTRUSTED: status.PERMISSION_DENIED,
  IMPORT_CONFLICT: status.ALREADY_EXISTS,
  IMPORT_OUT_OF_TURN: status.FAILED_PRECONDITION,

  // Ask UploadStatus and resume from there.
  OFFSET_MISMATCH: status.ABORTED,
  PAYLOAD_TRUNCATED: status.ABORTED,
  PAYLOAD_MISSING: status.ABORTED,

  // Ask for another challenge, and sign that.
  CHALLENGE_INVALID: status.ABORTED,
  CHALLENGE_USED: status.ABORTED,

  // The same call later, after a pause.
  MESSAGE_TOO_LARGE: status.RESOURCE_EXHAUSTED,
  RATE_LIMITED: status.RESOURCE_EXHAUSTED,
  UPLOADS_BUSY: status.RESOURCE_EXHAUSTED,
  FETCHES_BUSY: status.RESOURCE_EXHAUSTED,
  WATCHES_BUSY: status.RESOURCE_EXHAUSTED,
  UPLOAD_BUSY: status.UNAVAILABLE,
  PEER_TOO_SLOW: status.DEADLINE_EXCEEDED,
  CALL_TOO_LONG: status.DEADLINE_EXCEEDED,
  CALL_CANCELLED: status.CANCELLED,
  DRAINING: status.UNAVAILABLE,
  LEADER_AWAY: status.UNAVAILABLE, // Not known whether it was done: ask again, and nothing is done twice.
  DISK_FULL: status.UNAVAILABLE,
  METADATA_UNREADY: status.UNAVAILABLE,
  REPLAY_BUSY: status.UNAVAILABLE,
  WORKER_LOST: status.UNAVAILABLE,
  BLOB_UNREADABLE: status.UNAVAILABLE,
  BLOB_IO: status.UNAVAILABLE,
  BLOB_NOT_FOUND: status.UNAVAILABLE,
  JOURNAL_IO: status.UNAVAILABLE,
  JOURNAL_CLOSED: status.UNAVAILABLE,
  EPOCH_STALE: status.UNAVAILABLE, // Another coordinator has taken over.

  // Our own fault: an operator must look.
  JOURNAL_ROLLED_BACK: status.INTERNAL,
  JOURNAL_UNREPLICATED: status.UNAVAILABLE,
  JOURNAL_DAMAGED: status.INTERNAL,
  JOURNAL_NEWER: status.INTERNAL,
  INTERNAL: status.INTERNAL,
} as const satisfies Record<ServedFaultCode, status>;

/**
 * Clusters and strangers get the code and nothing else: the message may say things that only operators should know.
 * Operators who were let in get the message too: it names the legal range and the remedy.
 */
export function statusFor({ code, message }: Fault<ServedFaultCode>, isOperator: boolean): Status {
  const metadata = new Metadata();
  metadata.set(faultCodeKey, code);
  if (isOperator) metadata.set(faultMessageKey, Buffer.from(message.slice(0, messageCharactersMax), 'utf8'));
  return { code: statusOf[code], details: code, metadata };
}
