import type { ObservedFlow } from '../../../events/flow-record.ts';
import type { FileJudge } from '../../file-judge.ts';
import { Minutes, type Side } from '../../minutes.ts';
import type { PlaceScorer } from '../../place-scores.ts';
import { edgeRates } from '../edge-rates.ts';
import { groupsOf } from '../flow-judge.ts';
import type { FlowScorer } from '../flow-scorer.ts';
import type { NamedSlice } from '../graph/slice.ts';
import { isHostile } from './flow-windows.ts';

/** Edges of a file's windows judged as a client would have: by its thresholds, and with the rates of the workloads at their ends. */
export class RatedEdges {
  readonly minutes: Minutes;
  readonly #judge: FileJudge;
  #isResumed = false;

  constructor(judge: FileJudge) {
    this.#judge = judge;
    this.minutes = new Minutes(judge.intervalMs);
  }

  /** What is normal here, in the order of time: it is counted. flows: those that were over when a window closed. */
  learn(flows: readonly ObservedFlow[]): void {
    for (const flow of flows) if (!isHostile(flow.label)) this.#judge.hear(flow);
  }

  /** Thresholds start from windows of what is normal here. open: a scorer that has learnt these alone. */
  async start(
    normal: readonly NamedSlice[],
    scorer: FlowScorer,
    open: (some: readonly NamedSlice[]) => FlowScorer,
  ): Promise<void> {
    await this.#judge.start({ normal, scorer: byPlaces(scorer), open: async (some) => byPlaces(open(some)) });
  }

  /** Another file begins: its clock counts from now on. */
  startFile(): void {
    this.#isResumed = false;
  }

  /** Windows in the order of time. ended: flows that were over when it closed, after those of the window before. */
  judge(window: NamedSlice, ended: readonly ObservedFlow[], scores: readonly number[]): void {
    const { slice, names } = window;
    if (!this.#isResumed) this.#judge.resumeAt(slice.startMs);
    this.#isResumed = true;
    for (const flow of ended) this.#judge.hear(flow);
    const groups = groupsOf(window);
    for (const [edge, score] of scores.entries()) {
      const labels = (names.edges[edge]?.labels ?? []).filter(isHostile);
      const side: Side =
        labels.length > 0 ? 'hostile' : (names.edges[edge]?.labels ?? []).length > 0 ? 'drift' : 'benign';
      const view = edgeRates(window, edge);
      const place = { group: groups[edge] as string, score, view, nowMs: slice.endMs };
      this.minutes.add(place, this.#judge.judge(place), side, side === 'drift' ? ['drift'] : labels);
    }
  }
}

function byPlaces(scorer: FlowScorer): PlaceScorer<NamedSlice> {
  return {
    score: (windows) =>
      windows.map((window) => ({
        groups: groupsOf(window),
        scores: Float64Array.from(scorer.score(window), ({ score }) => score),
      })),
    close: () => scorer.close(),
  };
}
