import type { ModelSpec } from '../../../proto/model-spec.ts';
import { endKey } from '../../events/flow-record.ts';
import type { PlaceScores } from '../place-scores.ts';
import { defaultAlertRate, type Explanation, type ScorerOptions, type TrackScorer } from '../track-kind.ts';
import { learnFlowCluster } from './cluster-state.ts';
import { explainEdge, hopOf } from './explain/explain-edge.ts';
import { explanationSvg } from './explain/explain-svg.ts';
import { explanationText } from './explain/explain-text.ts';
import { RecentHops } from './explain/recent-hops.ts';
import { riskOfScore } from './flow-intake.ts';
import { type EdgeScore, FlowScorer } from './flow-scorer.ts';
import { nodeFeatureNames } from './graph/feature-names.ts';
import type { NamedSlice } from './graph/slice.ts';
import { pValueOfThresholdMultiple, workloadRisk } from './local/workload-risk.ts';

/** Rarer edges than this may be part of a path. */
const suspiciousShare = 0.05;
const syscallColumn = nodeFeatureNames.indexOf('syscall:score');

/** Scores windows with a federation's link model and what this cluster's own normal windows taught just now. */
export class FlowJudge implements TrackScorer<NamedSlice> {
  readonly #scorer: FlowScorer;
  readonly #recent = new RecentHops();

  /** Of the thresholds that risks of the syscall track are multiples of. */
  readonly #alertRate: number;

  constructor(
    spec: ModelSpec,
    weights: Float32Array,
    normal: readonly NamedSlice[],
    { alertRate = defaultAlertRate }: ScorerOptions = {},
  ) {
    this.#alertRate = alertRate;
    const inOrder = normal.toSorted((a, b) => a.slice.endMs - b.slice.endMs);
    this.#scorer = new FlowScorer(spec, weights, (reader) => learnFlowCluster(reader, inOrder));
  }

  score(windows: readonly NamedSlice[]): readonly PlaceScores[] {
    return windows.map((window) => {
      const edges = this.#scorer.score(window);
      this.#remember(window, edges);
      return {
        groups: groupsOf(window),
        scores: Float64Array.from(edges, ({ score }) => score),
      };
    });
  }

  explain(window: NamedSlice, edge: number): Explanation {
    const explained = explainEdge(this.#scorer, window, edge, this.#recent.all());
    const risk = this.#riskOf(window, edge);
    const text = explanationText(explained);
    return {
      detail: { explanation: explained, workloadRisk: risk, svg: explanationSvg(explained) },
      text: risk === undefined ? text : `${text}\nRisk of the workload, all tracks together: ${risk.risk.toFixed(1)}.`,
    };
  }

  remarks(): readonly string[] {
    const { memory, sharedWeight } = this.#scorer.state;
    if (memory.windows === 0) return ['learning: no normal window yet, the shared model judges alone'];
    if (sharedWeight > 0) return [];
    return ['the shared model has no say here: it does not tell the pairs of this cluster from pairs that are none'];
  }

  close(): void {
    this.#scorer.close();
  }

  #remember(window: NamedSlice, edges: readonly EdgeScore[]): void {
    for (const [edge, { pValue, total }] of edges.entries()) {
      if (pValue !== undefined && pValue <= suspiciousShare) this.#recent.add(hopOf(window, edge, total));
    }
  }

  /** Of the edge's client, by its flows and, where a slice carries it, by its system calls. */
  #riskOf(window: NamedSlice, edge: number) {
    const client = window.slice.clients[edge] as number;
    const flows = this.#scorer.workloads(window).find(({ node }) => node === client);
    const column = client * nodeFeatureNames.length + syscallColumn;
    const isGiven = (window.slice.nodeFeatures[column - 1] as number) > 0;
    const syscallRisk = riskOfScore(window.slice.nodeFeatures[column] as number);
    return workloadRisk([
      { pValue: flows?.pValue },
      { pValue: isGiven ? pValueOfThresholdMultiple(syscallRisk, this.#alertRate) : undefined },
    ]);
  }
}

/** An edge's threshold is its client's: busy batch jobs and quiet services differ. */
export function groupsOf({ slice, names }: NamedSlice): string[] {
  return Array.from(slice.clients, (client) => endKey(names.nodes[client] as NamedSlice['names']['nodes'][number]));
}
