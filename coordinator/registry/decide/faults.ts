/** Every way in which the registry refuses a change. */
export type RegistryFaultCode =
  | 'TRACK_NOT_FOUND'
  | 'VERSION_NOT_FOUND'
  /** Its files are gone: retention removed them. Import it again first. */
  | 'VERSION_RETIRED'
  | 'VERSION_REVOKED'
  | 'BELOW_FLOOR'
  /** Promotion goes forward; `rollBack` goes back. */
  | 'VERSION_NOT_NEWER'
  /** The track's policy has a gate that this version has not passed: override it, with a reason. */
  | 'GATE_NOT_PASSED'
  | 'CHANNEL_NOT_FOUND'
  /** `stable` moves by promotion and rollback alone; `stable` and `canary` stay. */
  | 'CHANNEL_RESERVED'
  | 'CHANNEL_ASSIGNED'
  | 'CHANNEL_INVALID'
  | 'CHANNELS_EXHAUSTED'
  | 'NOTHING_TO_CHANGE'
  | 'ASSIGNMENTS_EXHAUSTED'
  | 'GATE_NOT_OPEN'
  /** The same person approves twice. */
  | 'APPROVAL_REPEATED'
  | 'REASON_INVALID'
  | 'PINS_INVALID'
  | 'PINS_STALE'
  | 'PINS_UNSIGNED'
  | 'PIN_ILLEGAL'
  | 'ROOT_INVALID'
  | 'ROOT_KEY_UNKNOWN'
  | 'ROOT_ABSENT'
  | 'METADATA_UNREADY'
  | 'RELEASE_KEY_ABSENT'
  | 'IMPORT_INVALID'
  | 'IMPORT_UNTRUSTED'
  | 'IMPORT_CONFLICT'
  | 'IMPORT_OUT_OF_TURN'
  | 'ROUND_OPEN'
  | 'RELEASE_INCOMPLETE';
