/**
 * Scoring of windows of a service graph with a federation's link model and, where there is one, a cluster's own memory.
 * Scores are surprisals in nats: about 0 is as usual here, higher is less expected.
 */
import type { ModelSpec } from '../../../proto/model-spec.ts';
import { type FlowClusterState, scoresOf, surprisals, worstByClient } from './cluster-state.ts';
import type { NamedSlice } from './graph/slice.ts';
import { LinkReader, type PairLogits } from './link/link-reader.ts';
import type { EdgeSurprisal } from './local/edge-surprisal.ts';
import { PairMemory } from './local/pair-memory.ts';
import { type NamedPairs, namedPairs, ReferenceGraph } from './local/reference-graph.ts';
import { pValueOf } from './local/tail.ts';
import { type EncodedReference, encodeReference, sharedLogits } from './shared-logits.ts';

export type EdgeScore = EdgeSurprisal &
  Readonly<{
    /** What it is judged by, nats: its surprisal, and no less than what is usual here for edges that were seen before. */
    score: number;
    /** The shared model's log-odds of the pair; NaN for a loop. */
    logit: number;
    /** The shared model's log-odds of the share that is refused; absent where the model says nothing of it. */
    refusalLogit?: number;
    /** Share of normal edges here that score so high; undefined without a calibration. */
    pValue: number | undefined;
  }>;

export type WorkloadScore = Readonly<{
  /** Row of the slice's nodes: a client of at least one edge. */
  node: number;
  /** Its worst edge, and that edge's surprisal. */
  edge: number;
  score: number;
  /** Share of normal workloads and windows here that score so high; what `workloadRisk` combines. */
  pValue: number | undefined;
}>;

/** What a cluster without a past knows. */
function blank({ columns }: LinkReader): FlowClusterState {
  const [memory, reference] = [new PairMemory(), new ReferenceGraph(columns)];
  return { memory, reference, sharedWeight: 1, seenUsual: undefined, edgeTail: undefined, workloadTail: undefined };
}

/** Scores windows of one cluster with one model. Close it to free the opened weights. */
export class FlowScorer {
  readonly reader: LinkReader;
  readonly state: FlowClusterState;
  readonly #known: EncodedReference | undefined;

  /** Without a state the shared model judges alone. Throws a RangeError on a spec that is no link model's. */
  constructor(
    spec: ModelSpec,
    weights: Float32Array,
    state: FlowClusterState | ((reader: LinkReader) => FlowClusterState) = blank,
  ) {
    this.reader = new LinkReader(spec, weights);
    this.state = typeof state === 'function' ? state(this.reader) : state;
    this.#known = encodeReference(this.reader, this.state.reference);
  }

  /** Scores of a window's edges, in their order, and how rare each is here. */
  score(window: NamedSlice): EdgeScore[] {
    const pairs = namedPairs(window, this.reader.columns);
    const logits = this.#logits(pairs);
    const { edgeTail, seenUsual } = this.state;
    const ofPair = (values: Float32Array, edge: number) => values[pairs.pairOfEdge[edge] as number] ?? Number.NaN;
    const edges = surprisals(this.state, window, pairs, logits);
    const scores = scoresOf(edges, seenUsual);
    return edges.map(({ isSeen: _, ...surprisal }, edge) => ({
      ...surprisal,
      score: scores[edge] as number,
      logit: ofPair(logits.link, edge),
      ...(logits.refusal !== undefined && { refusalLogit: ofPair(logits.refusal, edge) }),
      pValue: edgeTail === undefined ? undefined : pValueOf(edgeTail, scores[edge] as number),
    }));
  }

  /** Scores of a window's clients, in the order of their first edge. `edges`: what `score` gave for the window. */
  workloads(window: NamedSlice, edges: readonly EdgeScore[] = this.score(window)): WorkloadScore[] {
    const { workloadTail } = this.state;
    const scores = edges.map(({ score }) => score);
    return [...worstByClient(window, scores)].map(([node, worst]) => ({
      node,
      edge: scores.findIndex((score, edge) => score === worst && window.slice.clients[edge] === node),
      score: worst,
      pValue: workloadTail === undefined ? undefined : pValueOf(workloadTail, worst),
    }));
  }

  close(): void {
    this.#known?.encoded.close();
    this.reader.close();
  }

  #logits(pairs: NamedPairs): PairLogits {
    return sharedLogits(this.reader, this.state.reference, pairs, undefined, this.#known);
  }
}
