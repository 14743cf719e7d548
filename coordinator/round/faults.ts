/** Every way a round refuses. What the client may do next is in coordinator/grpc's status map. */
export type RoundFaultCode =
  | 'FEDERATION_MISMATCH'
  | 'TRACK_NOT_FOUND'
  | 'ROUND_NOT_FOUND'
  /** The round takes no updates yet. */
  | 'ROUND_NOT_COLLECTING'
  /** Late. `fields.joinNext` names the round to join next, when there is one. */
  | 'ROUND_CLOSED'
  /** The TLS peer is not the cluster in the header. */
  | 'CLUSTER_MISMATCH'
  | 'CLUSTER_NOT_ENROLLED'
  | 'CLUSTER_QUARANTINED'
  | 'NOT_IN_COHORT'
  | 'BASE_MISMATCH'
  /** An older base than carry-over allows. */
  | 'UPDATE_TOO_STALE'
  | 'SCHEMA_MISMATCH'
  | 'CODEC_UNKNOWN'
  | 'LENGTH_MISMATCH'
  /** A digest or count in the header is not one. */
  | 'HEADER_INVALID'
  /** The cluster has another update in this round: one of the two is not its own, or it tries to choose. */
  | 'UPDATE_CONFLICT'
  /** Another cluster's sealed bytes under this cluster's name. */
  | 'PAYLOAD_REUSED';
