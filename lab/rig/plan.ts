import type { Trace } from '../../client/events/trace.ts';
import type { ModelSpec } from '../../proto/model-spec.ts';

export type FederationTrack = 'syscall' | 'flow';

/** The track that every federation of the lab has. */
export const trackName = 'syscall';

/** What a track of the federation begins with. */
export type TrackStart = Readonly<{
  spec: ModelSpec;
  initialModel: Float32Array;
  /** As `testudo tracks put` takes it. */
  policy: object;
}>;

/** The flow track beside: the same clusters learn from their flows as well. */
export type FlowPlan = TrackStart & Readonly<{ files: ReadonlyMap<string, string> }>;

export type FederationPlan = Readonly<{
  /** The program of the `testudo` command. */
  testudo: string;
  /** An empty folder of its own. */
  folder: string;
  /** What each cluster learns from. */
  clusters: ReadonlyMap<string, readonly Trace[]>;
  /** In the order of their attack schedules. */
  hostile: readonly string[];
  syscall: TrackStart;
  flow: FlowPlan | undefined;
  seed: number;
  /** Clusters that see live traffic and try releases in shadow first, and the attacks that a release must still find. */
  canaries: ReadonlyMap<string, readonly Trace[]>;
  /** The workload classes that each cluster is approved for with its token; absent for none. */
  classes?: ReadonlyMap<string, readonly string[]>;
}>;
