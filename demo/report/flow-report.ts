import type { AucByTraining } from './auc-rows.ts';
import type { DemoRound } from './demo-round.ts';

/** The flow track's part of the main job. AUC values lie between 0 and 1; NaN (null in JSON) where one side is empty. */
export type FlowReport = Readonly<{
  detector: string;
  rounds: readonly DemoRound[];
  /** Whose recorded flows each cluster has. */
  flowsOf: Readonly<Record<string, string>>;
  /** Recorded clusters whose topologies nobody learnt from. */
  leftOut: readonly string[];
  /** Whether system calls and flows are of the same recorded clusters. */
  sameClusters: boolean;
  /** Link prediction by the shared model alone on the topologies left out: each edge, hidden, against pairs that are none. */
  auc: AucByTraining;
  linkPrediction: Readonly<{
    edges: number;
    nonEdges: number;
    /** The same edges and pairs without a model. A pair that is hidden was never seen: the first is 0.5 by its nature. */
    baseline: Readonly<{ seenPair: number; commonNeighbours: number }>;
  }>;
  lateralMovement: Readonly<{
    /** Simulated intrusions, recorded: flows between services that their labels call lateral movement. */
    recorded: MovementReport;
    /** Random walks from one workload taken to be compromised, written into the recording by the main job. */
    injected: MovementReport;
  }>;
  explanation: FlowExplanation | undefined;
}>;

export type MovementReport = Readonly<{
  /** Honest clusters on their own unseen windows: shared model as a prior, own memory as evidence. */
  ownClusters: Readonly<{
    edges: number;
    benign: number;
    auc: Pick<AucByTraining, 'localOnly' | 'fedAvgUnderAttack' | 'robustUnderAttack'>;
    /** Share of the movement's edges above what 1 % of normal edges pass, robust under attack. */
    foundAt1: number;
    /** Never seen here: the pair; the pair's service. */
    baseline: Readonly<{ seenPair: number; seenService: number }>;
  }>;
  /** Topologies that nobody learnt from, on their first day: no memory yet, the shared model alone. */
  firstDay: Readonly<{
    edges: number;
    benign: number;
    auc: Pick<AucByTraining, 'localOnly' | 'fedAvgUnderAttack' | 'robustUnderAttack'>;
    baseline: Readonly<{ seenPair: number }>;
  }>;
}>;

/** One alert as the cluster's operator gets it. */
export type FlowExplanation = Readonly<{
  cluster: string;
  /** Always an injected movement: said wherever it is shown. */
  injected: true;
  text: string;
  /** Self-contained, no script. */
  svg: string;
  /** Workloads in the order of time. */
  path: readonly string[];
}>;

/** Rows of a table: how each way of training tells such movements from normal work. */
export function movementRows(kind: 'recorded' | 'injected', { ownClusters, firstDay }: MovementReport) {
  const row = (where: string, { edges, benign, auc, baseline }: typeof ownClusters | typeof firstDay) => ({
    name: `${kind} movement, ${where} (${edges} among ${benign})`,
    values: [auc.robustUnderAttack, auc.fedAvgUnderAttack, auc.localOnly, baseline.seenPair],
  });
  return [row('own clusters with their memory', ownClusters), row('first day of unseen clusters', firstDay)];
}
