import { endKey } from '../../../events/flow-record.ts';
import { averagePrecision } from '../../average-precision.ts';
import { shareAbove, thresholdAt } from '../../metrics.ts';
import type { RatedQuality } from '../../minutes.ts';
import { type Quality, qualityOf } from '../../quality.ts';
import type { FlowScorer } from '../flow-scorer.ts';
import type { NamedSlice } from '../graph/slice.ts';
import { serviceOf } from '../local/pair-memory.ts';

export type JudgedEdge = Readonly<{
  /** What the flows in it are called; empty: normal. */
  labels: readonly string[];
  score: number;
  /** The baseline that is always printed beside: 1 where the pair was never seen here, 0 where it was. */
  unseenPair: number;
  unseenService: number;
}>;

export type EdgeQuality = Quality & Readonly<{ averagePrecision: number }>;

export type FlowEvaluation = Readonly<{
  overall: EdgeQuality;
  /** The same edges by two memories without a model: whether the pair, or the pair's service, was ever seen. */
  seenPair: EdgeQuality;
  seenService: EdgeQuality;
  byFamily: Readonly<Record<string, EdgeQuality>>;
  /** Share of benign edges that changed on purpose above the threshold of 5 % false alarms. */
  driftAlarms: number;
  drift: number;
  /** With the rates of the workloads at the edges' ends; absent where they were not counted. */
  rates?: RatedQuality;
}>;

/** Benign behaviour that changed on purpose: neither normal nor hostile. */
const drift = 'drift';

/** Every edge of labelled windows with its score. */
export function judgeEdges(scorer: FlowScorer, windows: readonly NamedSlice[]): JudgedEdge[] {
  return windows.flatMap((window) => {
    const { slice, names } = window;
    return scorer.score(window).map(({ score }, edge) => {
      const { protocol, port, labels } = names.edges[edge] as (typeof names.edges)[number];
      const key = (row: number | undefined) => endKey(names.nodes[row as number] as (typeof names.nodes)[number]);
      const evidence = scorer.state.memory.evidence(
        key(slice.clients[edge]),
        key(slice.servers[edge]),
        serviceOf(protocol, port),
      );
      return {
        labels,
        score,
        unseenPair: evidence.pair > 0 ? 0 : 1,
        unseenService: evidence.service > 0 ? 0 : 1,
      };
    });
  });
}

/** Evaluates by the labels; an edge with several counts in each family. Rates are NaN where one side is empty. */
export function evaluateEdges(judged: readonly JudgedEdge[], rates?: RatedQuality): FlowEvaluation {
  const hostile = judged.filter(({ labels }) => labels.some((label) => label !== drift));
  const drifted = judged.filter(({ labels }) => labels.length > 0 && labels.every((label) => label === drift));
  const benign = judged.filter(({ labels }) => labels.length === 0);
  const quality = (
    found: readonly JudgedEdge[],
    of: (edge: JudgedEdge) => number = ({ score }) => score,
  ): EdgeQuality => {
    const [low, high] = [benign.map(of), found.map(of)];
    return { ...qualityOf(low, high), averagePrecision: averagePrecision(low, high) };
  };
  const families = [...new Set(hostile.flatMap(({ labels }) => labels))].filter((label) => label !== drift).sort();
  return {
    overall: quality(hostile),
    seenPair: quality(hostile, ({ unseenPair }) => unseenPair),
    seenService: quality(hostile, ({ unseenService }) => unseenService),
    byFamily: Object.fromEntries(
      families.map((family) => [family, quality(hostile.filter(({ labels }) => labels.includes(family)))]),
    ),
    driftAlarms: shareAbove(
      drifted.map(({ score }) => score),
      thresholdAt(
        benign.map(({ score }) => score),
        0.05,
      ),
    ),
    drift: drifted.length,
    ...(rates && { rates }),
  };
}
