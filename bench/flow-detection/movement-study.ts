import { endKey } from '../../client/events/flow-record.ts';
import { learnFlowCluster } from '../../client/tracks/flow/cluster-state.ts';
import { FlowScorer } from '../../client/tracks/flow/flow-scorer.ts';
import type { NamedSlice } from '../../client/tracks/flow/graph/slice.ts';
import { edgeSurprisal } from '../../client/tracks/flow/local/edge-surprisal.ts';
import { type Evidence, serviceOf } from '../../client/tracks/flow/local/pair-memory.ts';
import { areaUnderRoc, detectionRateAt } from '../../client/tracks/metrics.ts';
import type { ModelSpec } from '../../proto/model-spec.ts';
import type { Report } from '../harness/report.ts';
import type { ClusterWork } from './windows.ts';

type Scored = Readonly<{
  hostile: boolean;
  /** Where the edge leads, and whether the cluster ever saw its pair. */
  way: 'inside' | 'outwards' | 'inwards';
  unseenPair: boolean;
  scores: Readonly<Record<string, number>>;
}>;

export const deployed = '**deployed: shared model and local memory**';

/** Every judged edge with the scores of every detector. */
export function scoreWork(spec: ModelSpec, weights: Float32Array, work: readonly ClusterWork[]): Scored[] {
  return work.flatMap(({ learnt, judged }) => {
    const scorer = new FlowScorer(spec, weights, (reader) => learnFlowCluster(reader, learnt));
    const scored = judged.flatMap(({ window, hostile }) => {
      const edges = scorer.score(window);
      return edges.map((edge, at): Scored => {
        const { evidence, way } = contextOf(scorer, window, at);
        return {
          hostile: hostile[at] as boolean,
          way,
          unseenPair: evidence.pair === 0,
          scores: {
            'seen pair': evidence.pair > 0 ? 0 : 1,
            'seen pair and service': evidence.service > 0 ? 0 : 1,
            'local memory only': edgeSurprisal(evidence, Number.NaN).total,
            'shared model only': Number.isNaN(edge.logit) ? 0 : -edge.logit,
            [deployed]: edge.score,
          },
        };
      });
    });
    scorer.close();
    return scored;
  });
}

function contextOf(
  scorer: FlowScorer,
  { slice, names }: NamedSlice,
  edge: number,
): { evidence: Evidence; way: Scored['way'] } {
  const [client, server] = [slice.clients[edge], slice.servers[edge]].map((row) => names.nodes[row as number]);
  if (client === undefined || server === undefined) throw new Error(`edge ${edge} has no ends`);
  const { protocol, port } = names.edges[edge] as NamedSlice['names']['edges'][number];
  return {
    evidence: scorer.state.memory.evidence(endKey(client), endKey(server), serviceOf(protocol, port)),
    way: client.kind === 'world' ? 'inwards' : server.kind === 'world' ? 'outwards' : 'inside',
  };
}

/**
 * One table: every detector on the hostile edges that `which` picks, against all benign edges, and among unseen pairs.
 * Returns the AUC of each.
 */
export function movementTable(
  name: string,
  scored: readonly Scored[],
  which: (one: Scored) => boolean,
  report: Report,
): Readonly<Record<string, number>> {
  const benign = scored.filter(({ hostile }) => !hostile);
  const hostile = scored.filter((one) => one.hostile && which(one));
  const unseen = (all: readonly Scored[]) => all.filter(({ unseenPair }) => unseenPair);
  const areas: Record<string, number> = {};
  const rows = Object.keys(scored[0]?.scores ?? {}).map((detector) => {
    const of = (all: readonly Scored[]) => all.map(({ scores }) => scores[detector] as number);
    const quality = {
      auc: areaUnderRoc(of(benign), of(hostile)),
      foundAt5: detectionRateAt(of(benign), of(hostile), 0.05),
      foundAt1: detectionRateAt(of(benign), of(hostile), 0.01),
      unseenPairsAuc: areaUnderRoc(of(unseen(benign)), of(unseen(hostile))),
    };
    areas[detector] = quality.auc;
    report.record({
      case: `${name} ${detector.replaceAll('*', '')}`,
      benign: benign.length,
      hostile: hostile.length,
      ...quality,
    });
    return [
      detector,
      quality.auc.toFixed(4),
      percent(quality.foundAt5),
      percent(quality.foundAt1),
      quality.unseenPairsAuc.toFixed(3),
    ];
  });
  report.text(
    `### ${name}: ${hostile.length} hostile and ${benign.length} benign edges (pairs never seen before: ${unseen(hostile).length} and ${unseen(benign).length})`,
  );
  report.table(['detector', 'AUC', 'found at 5 % false alarms', 'found at 1 %', 'AUC among unseen pairs'], rows);
  return areas;
}

function percent(share: number): string {
  return Number.isNaN(share) ? '–' : `${(share * 100).toFixed(1)} %`;
}
