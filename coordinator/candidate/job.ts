import type { AggregationPolicy } from '../../aggregation/policy.ts';
import type { Result } from '../../base/fault.ts';
import type { ClassName, ClusterId, Digest, FederationId, RoundId, TrackId } from '../../proto/ids.ts';
import type { ModelSpec } from '../../proto/model-spec.ts';
import type { ModelRef } from '../round/phase.ts';
import type { ServerOptimiser } from '../round/policy.ts';

/**
 * Everything that decides a candidate, as plain data: with the named blobs and the round's key it gives the same bytes
 * on any machine, as often as it is run. No secrets: the key travels by name.
 */
export type AggregationJob = Readonly<{
  /** Stable: the same round always has the same job. Without ":", which queues give a meaning. */
  id: string;
  federation: FederationId;
  track: TrackId;
  round: RoundId;
  spec: ModelSpec;
  schemaDigest: Digest;
  policy: AggregationPolicy;
  optimiser: ServerOptimiser;
  base: ModelRef;
  /** The trusted sample that the round goes by; absent where it has none. */
  sample?: Digest | undefined;
  /** The sample is counted as one update more; absent where it is not. */
  sampleHolds?: true | undefined;
  /** What the round that made the base left (server-state.ts); null at the start. */
  optimiserState: Digest | null;
  candidateVersion: number;
  /** The round key's name in the key store. */
  keyName: string;
  /** Sorted by payload digest: arrival order never matters. */
  updates: readonly JobUpdate[];
  /** Accepted, but of clusters that lost their good standing before the round closed. Sorted by cluster. */
  expelled: readonly Readonly<{ cluster: ClusterId; payloadDigest: Digest; code: string }>[];
  /** Of a replay: a build that gave updates no places recorded the round. A worker never sees it. */
  withoutPlaces?: true | undefined;
  /** Decides nothing: saves whoever runs it the distances between all updates. */
  tiles?: ComputedTiles | undefined;
}>;

/** Distances that were computed apart (tiles/grid.ts): the rows of a block, and a blob of each tile in the grid's order. */
export type ComputedTiles = Readonly<{ rows: number; digests: readonly Digest[] }>;

/** One tile of a job: `job` with the updates of two blocks alone, the first of them `rows` long; of one block where they are all. */
export type TileJob = Readonly<{ job: AggregationJob; rows: number }>;

export type TileResult = Readonly<{ tile: Digest }>;

/** Every blob that a job reads. */
export function inputsOf({ base, updates, optimiserState, sample, tiles }: AggregationJob): readonly Digest[] {
  return [
    base.digest,
    ...updates.map(({ payloadDigest }) => payloadDigest),
    ...(optimiserState === null ? [] : [optimiserState]),
    ...(sample === undefined ? [] : [sample]),
    ...(tiles?.digests ?? []),
  ];
}

export type JobUpdate = Readonly<{
  cluster: ClusterId;
  payloadDigest: Digest;
  payloadBytes: number;
  baseDigest: Digest;
  staleness: number;
  /** The delta is multiplied by this before the rule sees it: (1 + staleness)^-exponent, 1 for a fresh one. */
  scale: number;
  /** The workload classes that it speaks for, ascending; absent where it declared none. */
  classes?: readonly ClassName[] | undefined;
  /** Of a region's update: the digest of its round's provenance. */
  provenance?: Digest | undefined;
}>;

export type AggregationResult = Readonly<{
  candidate: Digest;
  provenance: Digest;
  optimiserState: Digest | null;
}>;

export type RunFaultCode =
  /** The rule cannot give a candidate from these updates: final. */
  | 'AGGREGATION_REFUSED'
  /** The round's key is not in the key store: final. */
  | 'ROUND_KEY_LOST'
  /** A worker died, a disk is full, a queue is away: try again. */
  | 'WORKER_LOST'
  | 'DISK_FULL'
  | 'BLOB_UNREADABLE';

/** Runs aggregation jobs somewhere off the event loop: in a thread here, or on any machine that shares the store. */
export interface AggregationRunner {
  /**
   * Running the same job twice at once is allowed and gives the same result. `signal` says that nobody waits any more:
   * the runner may then end early, with WORKER_LOST.
   */
  run(job: AggregationJob, signal?: AbortSignal): Promise<Result<AggregationResult, RunFaultCode>>;
  /** A tile of a job, as `run`. Absent: this runner computes jobs as a whole. */
  runTile?(tile: TileJob, signal?: AbortSignal): Promise<Result<TileResult, RunFaultCode>>;
  /** A job on so many values in all updates together comes soon: whoever will run it may load what it needs. */
  prepare?(values: number): void;
  /** Processes beside this one that take jobs; null while nobody can say. Absent where jobs run in this process alone. */
  workerCount?(): Promise<number | null>;
  /** Lets running jobs end, or drops them when `force`. May be called twice. */
  close(force?: boolean): Promise<void>;
}
