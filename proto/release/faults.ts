/** Every way in which signed releases are refused. What an agent or an operator should do stands beside each code. */
export type ReleaseFaultCode =
  /** A piece is longer than `metadataBytesMax`, or more roots came than one walk follows. Alarm. */
  | 'METADATA_TOO_LARGE'
  /** Not canonical JSON, not the shape of its role, a name or key id that lies, another federation's. Alarm. */
  | 'METADATA_INVALID'
  /** Fewer good signatures by different keys of the role than its threshold. Alarm. */
  | 'METADATA_UNDERSIGNED'
  /** Its time is over (a freeze, or a coordinator that no longer signs). Keep the last good model; install nothing new. */
  | 'METADATA_EXPIRED'
  /** Older than what was trusted before. Alarm. */
  | 'METADATA_ROLLED_BACK'
  /** The same version as before with other bytes: two truths under one number. Alarm. */
  | 'METADATA_EQUIVOCATED'
  /** Not the bytes or the version that the piece above it names: put together from two eras. Ask again, then alarm. */
  | 'METADATA_MISMATCHED'
  /** A root does not follow the trusted one by exactly one. Ask for the missing ones. */
  | 'ROOT_SKIPPED'
  /** The catalogue lowers a track's floor. Alarm. */
  | 'FLOOR_LOWERED'
  /** The manifest is not the one the catalogue names, or not of its shape. Fetch it again, then alarm. */
  | 'MANIFEST_INVALID'
  /** A file that the manifest does not list. */
  | 'FILE_UNLISTED'
  /** A listed file is not there. Fetch it. */
  | 'FILE_MISSING'
  /** Too short: resume the fetch; too long: throw it away. */
  | 'FILE_LENGTH'
  /** Right length, wrong bytes: throw it away and fetch again, then alarm. */
  | 'FILE_DIGEST'
  /** The stored trust does not read back: the agent's disk, or a hand, changed it. Enrol anew or restore it. */
  | 'TRUST_INVALID';

/** Why a version may not run, or a pin may not be made. */
export type LegalityFaultCode =
  /** The catalogue has no such track. */
  | 'TRACK_UNKNOWN'
  /** Never released, or no longer kept. */
  | 'VERSION_UNKNOWN'
  | 'VERSION_REVOKED'
  /** Below the track's floor, and no signed exception. */
  | 'VERSION_BELOW_FLOOR'
  /** The pin's end has passed. */
  | 'PIN_EXPIRED'
  /** Neither a pin nor a channel gives a version that may run: keep the last good one, and say so. */
  | 'NO_LEGAL_VERSION';
