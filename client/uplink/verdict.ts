/**
 * What a refusal means for the update that this client holds.
 * - `retry`: nothing is wrong with it; send the same bytes again after a pause.
 * - `trainAgain`: it can no longer be accepted as it is; drop it and train from what the coordinator says now.
 * - `giveUp`: neither helps in this round; drop it and wait for the next invitation.
 */
export type Verdict = 'retry' | 'trainAgain' | 'giveUp';

/** Every fault code that a coordinator puts in its trailers, as far as this build knows them. */
export const verdictOf: Readonly<Record<string, Verdict>> = {
  // The coordinator is there but cannot now.
  STORE_UNREACHABLE: 'retry',
  STORE_FULL: 'retry',
  JOURNAL_UNAVAILABLE: 'retry',
  NOT_LEADER: 'retry',
  FENCED: 'retry',
  SHUTTING_DOWN: 'retry',
  TOO_MANY_STREAMS: 'retry',
  RATE_LIMITED: 'retry',
  UPLOAD_IN_PROGRESS: 'retry',
  UPLOAD_STALLED: 'retry',
  ROUND_NOT_COLLECTING: 'retry',
  // The pieces did not arrive as they were sent, or the offset moved: ask for the status and go on from there.
  CHUNK_OUT_OF_PLACE: 'retry',
  OFFSET_MISMATCH: 'retry',
  PAYLOAD_TRUNCATED: 'retry',
  PAYLOAD_DIGEST_MISMATCH: 'retry',
  // A receipt that does not verify proves nothing: keep the update and ask again.
  RECEIPT_INVALID: 'retry',
  // Fetching the base: throw away what did not fit and go on.
  MODEL_DIGEST_MISMATCH: 'retry',
  MODEL_CHUNK_OUT_OF_PLACE: 'retry',
  MODEL_STALLED: 'retry',
  MODEL_TRUNCATED: 'retry',

  // The world moved on while we trained.
  BASE_MISMATCH: 'trainAgain',
  UPDATE_TOO_STALE: 'trainAgain',
  SCHEMA_MISMATCH: 'trainAgain',
  // Our own copy is damaged: only a new delta helps.
  OUTBOX_DAMAGED: 'trainAgain',

  FEDERATION_MISMATCH: 'giveUp',
  TRACK_NOT_FOUND: 'giveUp',
  ROUND_NOT_FOUND: 'giveUp',
  ROUND_CLOSED: 'giveUp',
  CLUSTER_MISMATCH: 'giveUp',
  CLUSTER_NOT_ENROLLED: 'giveUp',
  CLUSTER_QUARANTINED: 'giveUp',
  CLUSTER_REVOKED: 'giveUp',
  NOT_IN_COHORT: 'giveUp',
  CODEC_UNKNOWN: 'giveUp',
  LENGTH_MISMATCH: 'giveUp',
  HEADER_INVALID: 'giveUp',
  SIGNATURE_INVALID: 'giveUp',
  // Another update of ours was accepted already: insisting would only raise the alarm again.
  UPDATE_CONFLICT: 'giveUp',
};

/** For refusals without a code of ours: a proxy in between, another build, grpc-js itself. */
const verdictOfStatus: Readonly<Record<string, Verdict>> = {
  GRPC_CANCELLED: 'retry',
  GRPC_UNKNOWN: 'retry',
  GRPC_DEADLINE_EXCEEDED: 'retry',
  GRPC_RESOURCE_EXHAUSTED: 'retry',
  GRPC_INTERNAL: 'retry',
  GRPC_UNAVAILABLE: 'retry',
  GRPC_DATA_LOSS: 'retry',
  // The session's certificate may be renewed, or a clock set right, before the round ends.
  GRPC_UNAUTHENTICATED: 'retry',
  GRPC_ABORTED: 'trainAgain',
};

/** A code that nobody knows gives up: repeating what was refused for an unknown cause helps nobody. */
export function verdictFor(code: string): Verdict {
  return verdictOf[code] ?? verdictOfStatus[code] ?? 'giveUp';
}
