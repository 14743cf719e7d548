/** Every way a round refuses. What the client may do next is in coordinator/grpc's status map. */
export type RoundFaultCode =
  | 'TRACK_NOT_FOUND'
  | 'ROUND_NOT_FOUND'
  /** The round takes no updates yet. */
  | 'ROUND_NOT_COLLECTING'
  /** Late. `fields.joinNext` names the round to join next, when there is one. */
  | 'ROUND_CLOSED'
  | 'CLUSTER_NOT_ENROLLED'
  | 'CLUSTER_QUARANTINED'
  | 'NOT_IN_COHORT'
  | 'BASE_MISMATCH'
  /** An older base than carry-over allows. */
  | 'UPDATE_TOO_STALE'
  | 'SCHEMA_MISMATCH'
  /** The model has blocks by class, and the update speaks for none. */
  | 'CLASS_NOT_DECLARED'
  /** It speaks for a class that the model has not, or that its cluster was not approved for. */
  | 'CLASS_NOT_APPROVED'
  | 'LENGTH_MISMATCH'
  /** The cluster has another update in this round: one of the two is not its own, or it tries to choose. */
  | 'UPDATE_CONFLICT'
  /** Another cluster's sealed bytes under this cluster's name. */
  | 'PAYLOAD_REUSED';
