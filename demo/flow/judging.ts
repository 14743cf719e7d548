import { endKey } from '../../client/events/flow-record.ts';
import { learnFlowCluster } from '../../client/tracks/flow/cluster-state.ts';
import { FlowJudge } from '../../client/tracks/flow/flow-judge.ts';
import { FlowScorer } from '../../client/tracks/flow/flow-scorer.ts';
import type { NamedSlice } from '../../client/tracks/flow/graph/slice.ts';
import { type JudgedEdge, judgeEdges } from '../../client/tracks/flow/offline/flow-evaluation.ts';
import { areaUnderRoc, detectionRateAt } from '../../client/tracks/metrics.ts';
import { injectedFamily } from '../../lab/data/injected-movement.ts';
import { type Models, mean } from '../judging.ts';
import type { FlowExplanation, FlowReport, MovementReport } from '../report/flow-report.ts';
import { graphOf } from './graph-of.ts';
import { linkBaselines, linkQuality, modelLinkQuality } from './links.ts';
import type { FlowCluster, PreparedFlow } from './prepare.ts';

type Families = 'recorded' | 'injected';
const families: Readonly<Record<Families, string>> = { recorded: 'lateral_movement', injected: injectedFamily };

/** How a model predicts the hidden edges of the topologies that nobody learnt from; NaN where there are none. */
export function leftOutAuc({ start, leftOut }: PreparedFlow, weights: Float32Array): number {
  return modelLinkQuality(leftOutGraphs(leftOut), start.spec, weights).auc;
}

export function assessFlow(
  flow: PreparedFlow,
  hostile: readonly string[],
  models: Models,
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

/** A cluster's windows are much alike: those of one shape have the same scores, whatever their labels. */
function judged(scorer: FlowScorer, windows: FlowCluster['later']): JudgedEdge[] {
  const known = new Map<string, JudgedEdge[]>();
  try {
    return windows.flatMap((window) => {
      const shape = shapeOf(window);
      const edges = known.get(shape) ?? judgeEdges(scorer, [window]);
      known.set(shape, edges);
      return edges.map((edge, at) => ({ ...edge, labels: window.names.edges[at]?.labels ?? [] }));
    });
  } finally {
    scorer.close();
  }
}

/** Who calls whom and for what: all that a link model reads. */
function shapeOf({ slice, names }: NamedSlice): string {
  const edges = names.edges.map(({ protocol, port }, at) => [slice.clients[at], slice.servers[at], protocol, port]);
  return JSON.stringify([names.nodes.map(endKey), edges]);
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

/** The alert on the injected movement with the most hops, as the client of its cluster explains it. */
function explainInjected(
  { start }: PreparedFlow,
  clusters: readonly (readonly [string, FlowCluster])[],
  weights: Float32Array,
): FlowExplanation | undefined {
  const walks = clusters.flatMap(([cluster, { learnt, later }]) =>
    later.map((window, at) => ({ cluster, learnt, later: later.slice(0, at + 1), hops: injectedIn(window) })),
  );
  const longest = walks.reduce((best, walk) => (walk.hops.length > best.hops.length ? walk : best), walks[0] ?? noWalk);
  const last = longest.hops.toSorted((a, b) => a.firstMs - b.firstMs).at(-1);
  const window = longest.later.at(-1);
  if (last === undefined || window === undefined) return undefined;
  const judge = new FlowJudge(start.spec, weights, longest.learnt);
  try {
    judge.score(longest.later);
    return explanationOf(longest.cluster, judge.explain(window, last.edge) as Found);
  } finally {
    judge.close();
  }
}

const noWalk = {
  cluster: '',
  learnt: [],
  later: [] as readonly NamedSlice[],
  hops: [] as ReturnType<typeof injectedIn>,
};

function injectedIn({ names }: NamedSlice) {
  return names.edges.flatMap(({ labels, firstMs }, edge) =>
    labels.includes(injectedFamily) ? [{ edge, firstMs }] : [],
  );
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
