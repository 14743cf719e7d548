import { instantText } from '../../../../base/text/instant-text.ts';
import { endKey } from '../../../events/flow-record.ts';
import { lineOf } from '../../score-lines.ts';
import { learnFlowCluster } from '../cluster-state.ts';
import type { FlowModel } from '../flow-model-folder.ts';
import { FlowScorer } from '../flow-scorer.ts';
import type { NamedSlice } from '../graph/slice.ts';
import { serviceOf } from '../local/pair-memory.ts';

/**
 * A scorer for one cluster: with what it remembers from `normal`, else with its local part from the model's folder, else
 * with the shared model alone.
 */
export function openFlowModel(model: FlowModel, cluster?: string, normal: readonly NamedSlice[] = []): FlowScorer {
  const state = cluster === undefined ? undefined : model.clusters.get(cluster);
  if (normal.length > 0) return new FlowScorer(model.spec, model.weights, (reader) => learnFlowCluster(reader, normal));
  return new FlowScorer(model.spec, model.weights, state);
}

export type FlowScoreUnit = 'edge' | 'workload';

/**
 * Lines of scores, a window at a time. By edge: `window TAB client TAB server TAB service TAB score TAB p`; by workload:
 * `window TAB workload TAB score TAB p TAB worst edge's server`. Score in nats, p the share of normal ones that score so
 * high here ("-" without a calibration), window its start in UTC.
 */
export function* flowScoreLines(
  scorer: FlowScorer,
  windows: readonly NamedSlice[],
  by: FlowScoreUnit = 'edge',
): Generator<string> {
  for (const window of windows) {
    const { slice, names } = window;
    const start = instantText(slice.startMs);
    const key = (row: number | undefined) => endKey(names.nodes[row as number] as (typeof names.nodes)[number]);
    const edges = scorer.score(window);
    if (by === 'workload') {
      for (const { node, edge, score, pValue } of scorer.workloads(window, edges)) {
        yield lineOf([start, key(node), score.toFixed(4), share(pValue), key(slice.servers[edge])]);
      }
      continue;
    }
    for (const [edge, { score, pValue }] of edges.entries()) {
      const { protocol, port } = names.edges[edge] as (typeof names.edges)[number];
      const ends = [key(slice.clients[edge]), key(slice.servers[edge]), serviceOf(protocol, port)];
      yield lineOf([start, ...ends, score.toFixed(4), share(pValue)]);
    }
  }
}

function share(pValue: number | undefined): string {
  return pValue === undefined ? '-' : pValue.toExponential(2);
}
