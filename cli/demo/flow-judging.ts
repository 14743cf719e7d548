import { learnFlowCluster } from '../../client/detectors/flow/cluster-state.ts';
import { FlowJudge } from '../../client/detectors/flow/flow-judge.ts';
import { FlowScorer } from '../../client/detectors/flow/flow-scorer.ts';
import { areaUnderRoc, detectionRateAt } from '../../client/detectors/metrics.ts';
import { type JudgedEdge, judgeEdges } from '../../client/flow-evaluation.ts';
import { injectedFamily } from './flow-injection.ts';
import { linkBaselines, linkQuality, modelLinkQuality } from './flow-links.ts';
import type { FlowCluster, PreparedFlow } from './flow-prepare.ts';
import type { FlowExplanation, FlowReport, MovementReport } from './flow-report.ts';
import { graphOf } from './flow-simulation.ts';
import { mean } from './judging.ts';

export type FlowModels = Readonly<{
  fedAvgUnderAttack: Float32Array;
  robustNoAttack: Float32Array;
  robustUnderAttack: Float32Array;
  pooled: Float32Array;
  local: ReadonlyMap<string, Float32Array>;
}>;

type Families = 'recorded' | 'injected';
const families: Readonly<Record<Families, string>> = { recorded: 'lateral_movement', injected: injectedFamily };

/** How a model predicts the hidden edges of the topologies that nobody learnt from; NaN where there are none. */
export function leftOutAuc({ start, leftOut }: PreparedFlow, weights: Float32Array): number {
  return modelLinkQuality(leftOutGraphs(leftOut), start.spec, weights).auc;
}

export function assessFlow(
  flow: PreparedFlow,
  hostile: readonly string[],
  models: FlowModels,
): Pick<FlowReport, 'auc' | 'linkPrediction' | 'lateralMovement' | 'explanation'> {
  const local = [...models.local.values()];
  const seenPair = linkQuality(leftOutGraphs(flow.leftOut), linkBaselines.seenPair);
  const honest = [...flow.clusters].filter(([name]) => !hostile.includes(name));
  const own = {
    localOnly: honest.flatMap(([name, cluster]) => withMemory(flow, cluster, models.local.get(name) as Float32Array)),
    fedAvgUnderAttack: honest.flatMap(([, cluster]) => withMemory(flow, cluster, models.fedAvgUnderAttack)),
    robustUnderAttack: honest.flatMap(([, cluster]) => withMemory(flow, cluster, models.robustUnderAttack)),
  };
  const first = {
    localOnly: local.map((weights) => withoutMemory(flow, weights)),
    fedAvgUnderAttack: withoutMemory(flow, models.fedAvgUnderAttack),
    robustUnderAttack: withoutMemory(flow, models.robustUnderAttack),
  };
  const movement = (family: string): MovementReport => ({
    ownClusters: {
      edges: own.robustUnderAttack.filter(isOf(family)).length,
      benign: own.robustUnderAttack.filter(isBenign).length,
      auc: {
        localOnly: aucOf(own.localOnly, family),
        fedAvgUnderAttack: aucOf(own.fedAvgUnderAttack, family),
        robustUnderAttack: aucOf(own.robustUnderAttack, family),
      },
      foundAt1: detectionRateAt(
        own.robustUnderAttack.filter(isBenign).map(({ score }) => score),
        own.robustUnderAttack.filter(isOf(family)).map(({ score }) => score),
        0.01,
      ),
      baseline: {
        seenPair: aucOf(own.robustUnderAttack, family, ({ unseenPair }) => unseenPair),
        seenService: aucOf(own.robustUnderAttack, family, ({ unseenService }) => unseenService),
      },
    },
    firstDay: {
      edges: first.robustUnderAttack.filter(isOf(family)).length,
      benign: first.robustUnderAttack.filter(isBenign).length,
      auc: {
        localOnly: mean(first.localOnly.map((judged) => aucOf(judged, family))),
        fedAvgUnderAttack: aucOf(first.fedAvgUnderAttack, family),
        robustUnderAttack: aucOf(first.robustUnderAttack, family),
      },
      baseline: { seenPair: aucOf(first.robustUnderAttack, family, ({ unseenPair }) => unseenPair) },
    },
  });
  return {
    auc: {
      localOnly: mean(local.map((weights) => leftOutAuc(flow, weights))),
      fedAvgUnderAttack: leftOutAuc(flow, models.fedAvgUnderAttack),
      robustUnderAttack: leftOutAuc(flow, models.robustUnderAttack),
      robustNoAttack: leftOutAuc(flow, models.robustNoAttack),
      pooled: leftOutAuc(flow, models.pooled),
    },
    linkPrediction: {
      edges: seenPair.edges,
      nonEdges: seenPair.nonEdges,
      baseline: {
        seenPair: seenPair.auc,
        commonNeighbours: linkQuality(leftOutGraphs(flow.leftOut), linkBaselines.commonNeighbours).auc,
      },
    },
    lateralMovement: { recorded: movement(families.recorded), injected: movement(families.injected) },
    explanation: explainInjected(flow, honest, models.robustUnderAttack),
  };
}

function leftOutGraphs(leftOut: PreparedFlow['leftOut']) {
  return [...leftOut.values()].map(({ learnt }) => graphOf(learnt));
}

function withMemory({ start }: PreparedFlow, { learnt, later }: FlowCluster, weights: Float32Array): JudgedEdge[] {
  return judged(new FlowScorer(start.spec, weights, (reader) => learnFlowCluster(reader, learnt)), later);
}

function withoutMemory({ start, leftOut }: PreparedFlow, weights: Float32Array): JudgedEdge[] {
  return [...leftOut.values()].flatMap(({ later }) => judged(new FlowScorer(start.spec, weights), later));
}

function judged(scorer: FlowScorer, windows: FlowCluster['later']): JudgedEdge[] {
  try {
    return judgeEdges(scorer, windows);
  } finally {
    scorer.close();
  }
}

function isBenign({ labels }: JudgedEdge): boolean {
  return labels.length === 0;
}

function isOf(family: string) {
  return ({ labels }: JudgedEdge) => labels.includes(family);
}

function aucOf(edges: readonly JudgedEdge[], family: string, score = ({ score: value }: JudgedEdge) => value): number {
  return areaUnderRoc(edges.filter(isBenign).map(score), edges.filter(isOf(family)).map(score));
}

type Found = Readonly<{ text: string; detail: Readonly<Record<string, unknown>> }>;

/** The alert on the injected movement with the longest path, as the client of its cluster explains it. */
function explainInjected(
  { start }: PreparedFlow,
  clusters: readonly (readonly [string, FlowCluster])[],
  weights: Float32Array,
): FlowExplanation | undefined {
  let longest: FlowExplanation | undefined;
  for (const [cluster, { learnt, later }] of clusters) {
    const judge = new FlowJudge(start.spec, weights, learnt);
    for (const window of later) {
      judge.score([window]);
      for (const [edge, { labels }] of window.names.edges.entries()) {
        if (!labels.includes(injectedFamily)) continue;
        const found = explanationOf(cluster, judge.explain(window, edge) as Found);
        if (found.path.length > (longest?.path.length ?? 0)) longest = found;
      }
    }
    judge.close();
  }
  return longest;
}

function explanationOf(cluster: string, { text, detail }: Found): FlowExplanation {
  const { path } = detail.explanation as { path: readonly Readonly<{ client: string; server: string }>[] };
  return {
    cluster,
    injected: true,
    text,
    svg: String(detail.svg),
    path: [path[0]?.client ?? '', ...path.map(({ server }) => server)],
  };
}
