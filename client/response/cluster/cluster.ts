import type { Result } from '../../../base/fault.ts';
import type { PodRef } from './facts.ts';

/** Why the cluster did not do what it was asked: each means another thing to do next. */
export type ClusterFaultCode =
  /** A disruption budget has nothing left: wait for a change of it. */
  | 'BUDGET_NONE_LEFT'
  /** Its controller has not looked at it yet: wait as long as the server says. */
  | 'BUDGET_UNOBSERVED'
  /** More than one budget selects the pod: it can never be evicted. */
  | 'BUDGET_MULTIPLE'
  /** The server has too much to do: wait as long as it says. */
  | 'THROTTLED'
  /** The pod is another one, or not as it was when this was decided: decide anew. */
  | 'POD_CHANGED'
  | 'POD_GONE'
  | 'NAMESPACE_TERMINATING'
  /** A right is missing; the message names it. */
  | 'FORBIDDEN'
  | 'CREDENTIALS_REFUSED'
  /** No answer, or half of one: it may have been done. */
  | 'OUTCOME_UNKNOWN'
  /** This agent does not hold the lease any more: nothing was sent. */
  | 'NOT_LEADER'
  | 'CLUSTER_REFUSED';

/** `null` removes. Labels and annotations that are not named stay. */
export type MetadataChange = Readonly<{
  labels?: Readonly<Record<string, string | null>>;
  annotations?: Readonly<Record<string, string | null>>;
}>;

/** How long to wait, where the server said so. */
export type ClusterRefusal = Readonly<{ retryAfterMs: number | null }>;
export type Done = Result<null, ClusterFaultCode> & ClusterRefusal;

/** All that the agent may do to a cluster. The API server is one implementation, `testing/` has another. */
export interface Cluster {
  /** One change of one pod's metadata, whole or not at all; refused unless uid and resource version are still these. */
  patchPod(pod: PodRef, change: MetadataChange): Promise<Done>;
  /** Through the eviction API, with the uid as a precondition. `dryRun`: only ask whether it would be granted. */
  evictPod(pod: PodRef, options?: Readonly<{ dryRun?: boolean }>): Promise<Done>;
}
