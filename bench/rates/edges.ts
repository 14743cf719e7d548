import { endKey, endOfFlow } from '../../client/events/flow-record.ts';
import { flowFacts } from '../../client/rates/flow-facts.ts';
import { WorkloadRates } from '../../client/rates/workload-rates.ts';
import { type RatesSeen, RateWatch, withRates } from '../../client/scoring/rates-seen.ts';
import { Threshold } from '../../client/scoring/thresholds/threshold.ts';
import type { NamedSlice } from '../../client/tracks/flow/graph/slice.ts';
import { edgeSurprisal } from '../../client/tracks/flow/local/edge-surprisal.ts';
import { PairMemory, serviceOf } from '../../client/tracks/flow/local/pair-memory.ts';
import { trackKind } from '../../client/tracks/flow/track.ts';
import { areaUnderRoc, detectionRateAt } from '../../client/tracks/metrics.ts';
import { defaultAlertRate } from '../../client/tracks/track-kind.ts';
import { auc, percent } from '../detection/world.ts';
import { recordedFlows } from '../flow-detection/recorded-flows.ts';
import { recordedWork } from '../flow-detection/windows.ts';
import type { Report } from '../harness/report.ts';
import { recordedRates } from './recorded-rates.ts';

type JudgedEdge = Readonly<{ family: string | undefined; alone: number; both: number }>;

/** Edges of the recorded clusters, by the memory of pairs alone and with the rates of the workloads at their ends. */
export function edgesWithRates(report: Report): void {
  const judged = judgedEdges();
  const benign = judged.filter(({ family }) => family === undefined);
  const families = [...new Set(judged.flatMap(({ family }) => family ?? []))].sort();
  const rows = families.map((family) => {
    const own = judged.filter((one) => one.family === family);
    const of = (which: 'alone' | 'both') => {
      const [low, high] = [benign, own].map((some) => some.map((one) => one[which])) as [number[], number[]];
      return { auc: areaUnderRoc(low, high), at1: detectionRateAt(low, high, 0.01) };
    };
    const [before, after] = [of('alone'), of('both')];
    report.record({ case: `edges ${family}`, edges: own.length, before, after });
    return [family, String(own.length), auc(before.auc), auc(after.auc), percent(before.at1), percent(after.at1)];
  });
  report.text(
    `## Who talks to whom: recorded flows, with their times

Windows of five seconds; an edge is judged by the cluster's memory of pairs, then with the rates of its ends as they were when the window closed; what counts is how near it comes to its cluster's threshold. Users and intruders are alike "world". ${benign.length} benign edges, those beside a running attack included.`,
  );
  report.table(['family', 'edges', 'AUC before', 'AUC with rates', 'found at 1 % before', 'with rates'], rows);
}

function judgedEdges(): JudgedEdge[] {
  const work = new Map(recordedWork().map((one) => [one.name, one]));
  return recordedFlows().flatMap(({ name, flows }) => {
    const { learnt, judged } = work.get(name) ?? { learnt: [], judged: [] };
    const memory = memoryOf(learnt);
    // What is usual, every window judged by a memory of the others.
    const usual = learnt.flatMap((window) => scoresOf(memoryOf(learnt.filter((one) => one !== window)), window));
    const [alone, both] = [thresholdOf(usual), thresholdOf(usual)];
    const rates = new WorkloadRates(recordedRates);
    const ended = flows.toSorted((a, b) => endOfFlow(a) + lasting(a) - endOfFlow(b) - lasting(b));
    let next = 0;
    let nowMs = 0;
    const watch = new RateWatch(rates, defaultAlertRate, () => nowMs as never);
    return judged.flatMap(({ window }) => {
      nowMs = window.slice.endMs;
      for (; next < ended.length; next++) {
        const flow = ended[next] as (typeof ended)[number];
        const atMs = endOfFlow(flow) + lasting(flow);
        if (atMs > nowMs) break;
        rates.hear(flowFacts(flow), atMs);
      }
      return scoresOf(memory, window).flatMap((score, place): JudgedEdge[] => {
        const [label, ...others] = window.names.edges[place]?.labels ?? [];
        if (label === 'drift') return [];
        const seen = trackKind.ratesOf === undefined ? undefined : watch.see(trackKind.ratesOf(window, place));
        const family = others.length > 0 ? 'several' : label;
        return [{ family, alone: riskOn(alone, score), both: riskOn(both, score, seen) }];
      });
    });
  });
}

function memoryOf(windows: readonly NamedSlice[]): PairMemory {
  const memory = new PairMemory();
  for (const window of windows) memory.learn(window);
  return memory;
}

function thresholdOf(scores: readonly number[]): Threshold {
  const own = new Threshold({ rule: { kind: 'quantile', alertRate: defaultAlertRate }, warmUp: 20, windowMax: 2_000 });
  own.seed(scores);
  return own;
}

/** How near a score comes to its cluster's threshold, which then learns of it as a client's does. */
function riskOn(own: Threshold, score: number, seen?: RatesSeen): number {
  const lifted = withRates(own, score, seen);
  const risk = own.riskOf(lifted) ?? 0;
  own.judge(lifted, score);
  return risk;
}

function lasting({ volume }: Readonly<{ volume: Readonly<{ durationMs: number }> | undefined }>): number {
  return volume?.durationMs ?? 0;
}

function scoresOf(memory: PairMemory, { slice, names }: NamedSlice): number[] {
  return names.edges.map(({ protocol, port }, edge) => {
    const [client, server] = [slice.clients[edge], slice.servers[edge]].map((row) => names.nodes[row as number]);
    if (client === undefined || server === undefined) throw new Error(`edge ${edge} has no ends`);
    return edgeSurprisal(memory.evidence(endKey(client), endKey(server), serviceOf(protocol, port)), Number.NaN).total;
  });
}
