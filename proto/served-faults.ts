/**
 * Every refusal that crosses the wire: its code, the services that can answer with it, and what it means. The
 * coordinator gives each a gRPC status (coordinator/grpc/status.ts), the client a verdict for each that its calls can
 * get (client/rounds/verdict.ts); both compile only while they know all of these and no others. docs/protocol.md lists them.
 */
export type Service = 'enrolment' | 'federation' | 'releases' | 'operator';

type ServedFault<Services extends Service = Service> = Readonly<{ services: readonly Services[]; meaning: string }>;

const everyCall = ['enrolment', 'federation', 'releases', 'operator'] as const;
/** Only `Enrol`, `Challenge` and `Rejoin` are called without a certificate. */
const withCertificate = everyCall;
const clusters = ['federation', 'releases'] as const;

export const servedFaults = {
  // How a call is made.
  MESSAGE_MALFORMED: of(everyCall, 'a message is not the protobuf message of this method'),
  MESSAGE_TOO_LARGE: of(everyCall, 'a message is larger than this port takes'),
  REQUEST_INVALID: of(['federation', 'releases', 'operator'], 'a field of the request is outside its legal range'),
  RATE_LIMITED: of(everyCall, 'too many calls, or reports, in too short a time'),
  CALL_TOO_LONG: of(everyCall, 'the call was not done within its longest time'),
  CALL_CANCELLED: of(everyCall, 'the caller hung up, or its own deadline passed'),
  PEER_TOO_SLOW: of(['federation', 'releases', 'operator'], 'the peer reads or writes too slowly'),
  STREAM_REPLACED: of(clusters, 'a newer stream of the same cluster took over'),
  DRAINING: of(everyCall, 'the coordinator is stopping'),
  LEADER_AWAY: of(
    everyCall,
    'a door does not reach the coordinator that leads, or had no answer: what was asked may have been done',
  ),
  INTERNAL: of(everyCall, "an error of the coordinator's own; its log has the cause"),

  // Who calls.
  CERTIFICATE_MISSING: of(withCertificate, 'this port takes no call without a client certificate'),
  CERTIFICATE_FOREIGN: of(withCertificate, 'the certificate names nobody of this federation'),
  CERTIFICATE_EXPIRED: of(withCertificate, 'the certificate has ended'),
  CERTIFICATE_SUPERSEDED: of(withCertificate, 'a newer enrolment or a newer certificate took its place'),
  CLUSTER_NOT_ENROLLED: of(withCertificate, 'no cluster of this name is enrolled'),
  CLUSTER_REVOKED: of(withCertificate, 'an operator revoked the cluster'),
  CLUSTER_QUARANTINED: of(clusters, 'an operator put the cluster into quarantine'),
  OPERATOR_UNKNOWN: of(withCertificate, 'no operator has this name'),
  OPERATOR_REMOVED: of(withCertificate, 'the operator was removed'),
  DOOR_UNKNOWN: of(withCertificate, 'no door has this name'),
  DOOR_REVOKED: of(withCertificate, 'the door was revoked'),
  ROLE_INSUFFICIENT: of(everyCall, 'the call needs another role'),
  LAST_ADMIN: of(['operator'], 'the federation would be left without an admin'),
  TOKEN_UNKNOWN: of(['enrolment', 'operator'], 'no join token like this was made'),
  TOKEN_USED: of(['enrolment', 'operator'], 'the join token was used before'),
  TOKEN_EXPIRED: of(['enrolment'], 'the join token has ended'),
  TOKEN_REVOKED: of(['enrolment'], 'the join token was revoked'),
  MEMBER_UNPROVEN: of(['enrolment'], 'no member of this name has signed this: there is none, or it has another key'),
  REJOIN_TOO_LATE: of(['enrolment'], "the member's last certificate ended longer ago than the operator's grace"),
  CHALLENGE_INVALID: of(['enrolment'], 'the challenge is over, or not of this run of the coordinator'),
  CHALLENGE_USED: of(['enrolment'], 'the member has used this challenge, or a newer one'),
  CERTIFICATE_REQUEST_INVALID: of(
    ['enrolment', 'operator'],
    'the certificate request cannot be read or does not prove its key',
  ),
  KEY_INVALID: of(['enrolment', 'federation', 'releases'], 'a key has the wrong length, or is none'),
  SIGNATURE_INVALID: of(['enrolment', 'federation', 'releases'], 'a signature does not fit what it should sign'),

  // An update: its header and its round.
  HEADER_MISSING: of(['federation'], 'the first message of an update is not a header, or a later one is'),
  HEADER_INVALID: of(['federation'], 'a field of the header is not what it should be'),
  CLUSTER_MISMATCH: of(['federation'], 'the header names another cluster than the certificate'),
  FEDERATION_MISMATCH: of(['federation'], 'the header names another federation'),
  SCHEMA_MISMATCH: of(['federation'], "the update is for another model spec than the track's"),
  BASE_MISMATCH: of(['federation'], "the update started from another model than the round's"),
  UPDATE_TOO_STALE: of(['federation'], 'the update started from a model older than the policy allows'),
  CLASS_NOT_DECLARED: of(['federation'], 'the model has blocks by class, and the update declares no class'),
  CLASS_NOT_APPROVED: of(
    ['federation'],
    'the update declares a class that the model has not, or that no operator approved its cluster for',
  ),
  NOT_IN_COHORT: of(['federation'], 'the round did not invite this cluster'),
  ROUND_NOT_COLLECTING: of(['federation'], 'the round takes no updates yet'),
  ROUND_CLOSED: of(['federation'], 'the round takes no updates any more'),
  UPDATE_CONFLICT: of(['federation'], 'another update of this cluster counts in this round'),
  PAYLOAD_REUSED: of(['federation'], "the sealed bytes are another cluster's"),

  // An update: its bytes.
  OFFSET_MISMATCH: of(['federation', 'operator'], 'the next byte wanted is another one'),
  LENGTH_MISMATCH: of(
    ['federation', 'operator'],
    'a declared or real length is not the one that the model spec implies',
  ),
  DIGEST_MISMATCH: of(['federation', 'releases', 'operator'], 'the bytes do not have the digest that was said'),
  PAYLOAD_TRUNCATED: of(['federation'], 'the stream ended before the payload did'),
  PAYLOAD_MISSING: of(['federation'], 'the payload is not on disk any more'),
  UPLOAD_BUSY: of(['federation', 'operator'], 'another stream of the same upload is open'),
  UPLOADS_BUSY: of(['federation'], 'too many uploads at once'),

  // Streams and files for clusters.
  WATCHES_BUSY: of(['federation'], 'too many watch streams at once'),
  FETCHES_BUSY: of(clusters, 'too many files fetched at once'),
  MODEL_UNKNOWN: of(clusters, 'no track has a model, and no release a file, with this digest'),
  OFFSET_BEYOND_END: of(clusters, 'the offset lies beyond the end of the file'),

  // The dashboard.
  DASHBOARD_OFF: of(['operator'], 'this coordinator serves no dashboard'),

  // Tracks and rounds.
  TRACK_NOT_FOUND: of(['federation', 'releases', 'operator'], 'there is no such track'),
  TRACK_EXISTS: of(['operator'], 'the track exists with another spec'),
  POLICY_INVALID: of(['operator'], 'the policy is not one, or contradicts itself'),
  ANTIBODY_INVALID: of(['operator'], 'the antibody is not one, of another federation or track, or has expired'),
  ANTIBODY_UNKNOWN: of(['operator'], 'the track has no antibody of that digest in force'),
  ANTIBODIES_FULL: of(['operator'], 'the track has as many antibodies in force as a release brings along; revoke one'),
  SAMPLE_INVALID: of(['operator'], 'the trusted sample is not one, or too large'),
  SAMPLE_ABSENT: of(['operator'], 'the policy judges by a trusted sample that the track has not'),
  SPEC_INVALID: of(['operator'], 'the model spec is not one'),
  SPEC_TOO_LARGE: of(['operator'], 'the model would be larger than a federation carries'),
  MODEL_NOT_FOUND: of(['operator'], 'the track has no such model'),
  ROUND_NOT_FOUND: of(['federation', 'operator'], 'there is no such round'),
  ROUND_OPEN: of(['operator'], 'a round of this track is open'),
  ROUND_ENDED: of(['operator'], 'the round has ended already'),
  ROUNDS_EXHAUSTED: of(['operator'], 'the track has used up the numbers of rounds'),
  FROZEN: of(['operator'], 'a freeze holds the track'),
  FREEZE_INVALID: of(['operator'], 'the freeze is not one'),
  FREEZE_NOT_FOUND: of(['operator'], 'there is no such freeze'),
  ROUND_WITHOUT_CANDIDATE: of(['operator'], 'the round gave no candidate, or not yet'),
  INPUTS_NOT_KEPT: of(['operator'], "the round's updates can be opened by nobody any more"),
  ROUND_KEY_LOST: of(['operator'], "the round's key is not in the key store"),
  AGGREGATION_REFUSED: of(['operator'], 'the rule cannot give a candidate from these updates'),
  REPLAY_BUSY: of(['operator'], 'another replay runs'),
  WORKER_LOST: of(['operator'], 'a worker died, or its queue is away'),
  BLOB_UNREADABLE: of(['operator'], 'a worker could not read an update'),

  // Releases, channels and pins.
  REPORT_INVALID: of(['releases'], "an agent's report is not one"),
  EVIDENCE_CONFLICT: of(['releases'], "the end of the cluster's chain of evidence contradicts an earlier one"),
  REASON_INVALID: of(['operator'], 'the reason is empty or too long'),
  VERSION_NOT_FOUND: of(['releases', 'operator'], 'the track has no such version'),
  VERSION_RETIRED: of(['operator'], "the version's files are gone: retention removed them"),
  VERSION_REVOKED: of(['operator'], 'the version is revoked'),
  VERSION_NOT_NEWER: of(['operator'], 'a promotion goes forward only'),
  BELOW_FLOOR: of(['operator'], "the version is below the track's floor"),
  CHANNEL_INVALID: of(['operator'], 'the channel has no legal name'),
  CHANNEL_NOT_FOUND: of(['operator'], 'there is no such channel'),
  CHANNEL_RESERVED: of(['operator'], '`stable` and `canary` stay as they are'),
  CHANNEL_ASSIGNED: of(['operator'], 'clusters are assigned to the channel'),
  CHANNELS_EXHAUSTED: of(['operator'], 'the track has as many channels as it may'),
  ASSIGNMENTS_EXHAUSTED: of(['operator'], 'the track has as many assignments as it may'),
  NOTHING_TO_CHANGE: of(['operator'], 'all is already as it should become'),
  GATE_NOT_OPEN: of(['releases', 'operator'], 'the version stands before no gate'),
  GATE_NOT_PASSED: of(['operator'], 'the version has not passed its gate'),
  APPROVAL_REPEATED: of(['operator'], 'another operator must approve'),
  PIN_ILLEGAL: of(['operator'], 'a pin names a version that its cluster must not run'),
  PINS_INVALID: of(['operator'], 'the pins are not signed metadata of their kind'),
  PINS_UNSIGNED: of(['operator'], 'nobody whom root names for pins has signed'),
  PINS_STALE: of(['operator'], 'newer pins are in force'),
  ROOT_ABSENT: of(['operator'], 'no root is in force'),
  ROOT_INVALID: of(['operator'], 'the root is not one that may follow'),
  ROOT_KEY_UNKNOWN: of(['operator'], 'root names a key that the coordinator does not hold'),
  METADATA_UNREADY: of(['operator'], 'what is asked for is not signed yet; it is about to be'),
  RELEASE_KEY_ABSENT: of(['operator'], 'the release key is not in the key store'),
  RELEASE_INCOMPLETE: of(['operator'], 'the release file lacks a part'),
  IMPORT_INVALID: of(['operator'], 'the release file is not one'),
  IMPORT_UNTRUSTED: of(['operator'], 'nobody who is trusted here has signed the release'),
  IMPORT_CONFLICT: of(['operator'], 'another release has this version'),
  IMPORT_OUT_OF_TURN: of(['operator'], 'the version does not follow what is here'),

  // The disk and the journal.
  DISK_FULL: of(everyCall, 'the coordinator has no room'),
  BLOB_IO: of(['federation', 'operator'], 'the disk failed a read, a write or a sync'),
  BLOB_NOT_FOUND: of(['federation', 'operator'], 'a blob is not on disk'),
  JOURNAL_IO: of(everyCall, 'the disk or the database failed the journal'),
  JOURNAL_CLOSED: of(everyCall, 'the journal is closed'),
  EPOCH_STALE: of(everyCall, 'another coordinator has taken over'),
  JOURNAL_ROLLED_BACK: of(everyCall, "the journal's database has lost entries"),
  JOURNAL_UNREPLICATED: of(everyCall, "the journal's database has no synchronous standby, which it must have"),
  JOURNAL_DAMAGED: of(everyCall, "the journal's hash chain breaks"),
  JOURNAL_NEWER: of(everyCall, 'a newer build wrote the journal'),
} as const satisfies Readonly<Record<string, ServedFault>>;

export type ServedFaultCode = keyof typeof servedFaults;

export function isServedFaultCode(text: string): text is ServedFaultCode {
  return Object.hasOwn(servedFaults, text);
}

/** What calls of this service can be refused with. */
export type FaultCodeOf<Called extends Service> = {
  [Code in ServedFaultCode]: Called & (typeof servedFaults)[Code]['services'][number] extends never ? never : Code;
}[ServedFaultCode];

function of<const Services extends Service>(services: readonly Services[], meaning: string): ServedFault<Services> {
  return { services, meaning };
}
