import type { Fault } from '../../base/fault.ts';
import type { FaultCodeOf } from '../../proto/served-faults.ts';

/**
 * What a refusal means for the update that this client holds.
 * - `retry`: nothing is wrong with it; send the same bytes again after a pause.
 * - `trainAgain`: it can no longer be accepted as it is; drop it and train from what the coordinator says now.
 * - `giveUp`: neither helps in this round; drop it and wait for the next invitation.
 */
export type Verdict = 'retry' | 'trainAgain' | 'giveUp';

/** Every code that the calls of a client and of its release agent can be refused with, enrolment aside. */
const verdictOfServed = {
  // The coordinator is there but cannot now.
  RATE_LIMITED: 'retry',
  UPLOADS_BUSY: 'retry',
  FETCHES_BUSY: 'retry',
  WATCHES_BUSY: 'retry',
  UPLOAD_BUSY: 'retry',
  PEER_TOO_SLOW: 'retry',
  CALL_TOO_LONG: 'retry',
  CALL_CANCELLED: 'retry',
  STREAM_REPLACED: 'retry',
  DRAINING: 'retry',
  LEADER_AWAY: 'retry',
  DISK_FULL: 'retry',
  BLOB_IO: 'retry',
  BLOB_NOT_FOUND: 'retry',
  JOURNAL_IO: 'retry',
  JOURNAL_CLOSED: 'retry',
  EPOCH_STALE: 'retry',
  INTERNAL: 'retry',
  // An operator must look at the journal; until the round is over there is hope.
  JOURNAL_ROLLED_BACK: 'retry',
  JOURNAL_UNREPLICATED: 'retry',
  JOURNAL_DAMAGED: 'retry',
  JOURNAL_NEWER: 'retry',
  // A restarted coordinator may still have to read its journal.
  ROUND_NOT_COLLECTING: 'retry',
  // The pieces did not arrive as they were sent: ask for the status and go on from there, or from the start.
  OFFSET_MISMATCH: 'retry',
  OFFSET_BEYOND_END: 'retry',
  PAYLOAD_TRUNCATED: 'retry',
  PAYLOAD_MISSING: 'retry',
  DIGEST_MISMATCH: 'retry',
  HEADER_MISSING: 'retry',
  MESSAGE_MALFORMED: 'retry',
  // The session's certificate may be renewed, or a clock set right, before the round ends.
  CERTIFICATE_MISSING: 'retry',
  CERTIFICATE_EXPIRED: 'retry',

  // The world moved on while we trained.
  BASE_MISMATCH: 'trainAgain',
  SCHEMA_MISMATCH: 'trainAgain',
  UPDATE_TOO_STALE: 'trainAgain',

  // The same bytes are as large the next time.
  MESSAGE_TOO_LARGE: 'giveUp',
  CERTIFICATE_FOREIGN: 'giveUp',
  CERTIFICATE_SUPERSEDED: 'giveUp',
  CLUSTER_MISMATCH: 'giveUp',
  CLUSTER_NOT_ENROLLED: 'giveUp',
  CLUSTER_QUARANTINED: 'giveUp',
  CLUSTER_REVOKED: 'giveUp',
  // This port is for clusters: an operator's certificate, or a door's, opens nothing here.
  OPERATOR_REMOVED: 'giveUp',
  OPERATOR_UNKNOWN: 'giveUp',
  DOOR_REVOKED: 'giveUp',
  DOOR_UNKNOWN: 'giveUp',
  ROLE_INSUFFICIENT: 'giveUp',
  FEDERATION_MISMATCH: 'giveUp',
  CLASS_NOT_DECLARED: 'giveUp',
  CLASS_NOT_APPROVED: 'giveUp',
  NOT_IN_COHORT: 'giveUp',
  TRACK_NOT_FOUND: 'giveUp',
  ROUND_NOT_FOUND: 'giveUp',
  ROUND_CLOSED: 'giveUp',
  MODEL_UNKNOWN: 'giveUp',
  LENGTH_MISMATCH: 'giveUp',
  HEADER_INVALID: 'giveUp',
  REQUEST_INVALID: 'giveUp',
  SIGNATURE_INVALID: 'giveUp',
  KEY_INVALID: 'giveUp',
  // Another update of ours was accepted already: insisting would only raise the alarm again.
  UPDATE_CONFLICT: 'giveUp',
  PAYLOAD_REUSED: 'giveUp',
  // An agent's report: it says nothing that the coordinator waits for.
  REPORT_INVALID: 'giveUp',
  VERSION_NOT_FOUND: 'giveUp',
  GATE_NOT_OPEN: 'giveUp',
  EVIDENCE_CONFLICT: 'giveUp',
} as const satisfies Readonly<Record<FaultCodeOf<'federation' | 'releases'>, Verdict>>;

/** Faults that arise on this side of the line. */
const verdictOfOurs = {
  // A receipt that does not verify proves nothing: keep the update and ask again.
  RECEIPT_INVALID: 'retry',
  // Fetching the base: throw away what did not fit and go on.
  MODEL_DIGEST_MISMATCH: 'retry',
  MODEL_CHUNK_OUT_OF_PLACE: 'retry',
  MODEL_STALLED: 'retry',
  MODEL_TOO_SLOW: 'retry',
  MODEL_TRUNCATED: 'retry',
  // There may be room again before the round ends.
  MODEL_UNWRITABLE: 'retry',
  CLIENT_DISK: 'retry',
  // Our own copy is damaged: only a new delta helps.
  OUTBOX_DAMAGED: 'trainAgain',
} as const satisfies Readonly<Record<string, Verdict>>;

const verdictOf: Readonly<Record<string, Verdict>> = { ...verdictOfServed, ...verdictOfOurs };

/** For refusals without a code of ours: a proxy in between, another build, grpc-js itself. */
const verdictOfStatus: Readonly<Record<string, Verdict>> = {
  CANCELLED: 'retry',
  UNKNOWN: 'retry',
  DEADLINE_EXCEEDED: 'retry',
  RESOURCE_EXHAUSTED: 'retry',
  INTERNAL: 'retry',
  UNAVAILABLE: 'retry',
  DATA_LOSS: 'retry',
  UNAUTHENTICATED: 'retry',
  ABORTED: 'trainAgain',
};

/**
 * What to do about a fault. A code of a newer coordinator is judged by the gRPC status that came with it, and what
 * nobody knows gives up: repeating what was refused for an unknown cause helps nobody.
 */
export function verdictFor({ code, fields }: Fault): Verdict {
  return verdictOf[code] ?? verdictOfStatus[String(fields?.status)] ?? 'giveUp';
}
