import type { EpochMs } from '../../base/time.ts';
import type { Done, MetadataChange } from './cluster/cluster.ts';
import type { Facts, PodRef } from './cluster/facts.ts';

/** What a part asks of the cluster. `id` is the part's own name for it: it is told what became of this one. */
export type ClusterAction =
  | Readonly<{ kind: 'patchPod'; id: string; pod: PodRef; change: MetadataChange }>
  | Readonly<{ kind: 'evictPod'; id: string; pod: PodRef; dryRun: boolean }>;

/** Anything else that a part does, such as writing a record: `perform` does it, once for each time it is asked for. */
export type OwnAction = Readonly<{ kind: 'own'; id: string }>;

export type Next<State, Own extends OwnAction> = Readonly<{
  state: State;
  actions: readonly (ClusterAction | Own)[];
  /** It wants to be asked again then, though nothing has changed. */
  wakeAtMs: EpochMs | null;
}>;

/**
 * One thing that the agent does: pure, so that a simulator can hold it. `step` is asked whenever facts have changed, an
 * action ended or its hour has come, and only while this agent leads. What must survive a restart belongs into the
 * cluster or on disk, not into `State`: a new leader begins with `first`.
 */
export interface Part<State, Own extends OwnAction = never> {
  readonly name: string;
  readonly first: State;
  step(state: State, facts: Facts, now: EpochMs): Next<State, Own>;
  /** What became of an action. */
  heard(state: State, action: ClusterAction | Own, done: Done, now: EpochMs): State;
  /** Where it has actions of its own. */
  perform?(action: Own): Promise<Done>;
}
