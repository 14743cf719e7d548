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

/** isQuiet: of a time before any attack of its cluster. Scores are 1 at the threshold. */
type JudgedEdge = Readonly<{ family: string | undefined; isQuiet: boolean; alone: number; both: number }>;

/** Edges of the recorded clusters, by the memory of pairs alone and with the rates of the workloads at their ends. */
export function edgesWithRates(report: Report): void {
  const judged = judgedEdges();
  const [quiet, beside] = [true, false].map((isQuiet) =>
    judged.filter((one) => one.family === undefined && one.isQuiet === isQuiet),
  ) as [JudgedEdge[], JudgedEdge[]];
  const attacks = judged.filter(({ family }) => family !== undefined);
  const quality = (benign: readonly JudgedEdge[], own: readonly JudgedEdge[], which: 'alone' | 'both') => {
    const [low, high] = [benign, own].map((some) => some.map((one) => one[which])) as [number[], number[]];
    return { auc: areaUnderRoc(low, high), at1: detectionRateAt(low, high, 0.01) };
  };
  const row = (name: string, own: readonly JudgedEdge[], benign: readonly JudgedEdge[] = quiet) => {
    const [before, after] = [quality(benign, own, 'alone'), quality(benign, own, 'both')];
    report.record({ case: `edges ${name}`, edges: own.length, before, after });
    return [name, String(own.length), auc(before.auc), auc(after.auc), percent(before.at1), percent(after.at1)];
  };
  const families = [...new Set(attacks.flatMap(({ family }) => family ?? []))].sort();
  report.text(
    `## Who talks to whom: recorded flows, with their times

Windows of five seconds; an edge is judged by the cluster's memory of pairs, then with the rates of its ends as they were when the window closed; what counts is how near it comes to its cluster's threshold. Users and intruders are alike "world". Against ${quiet.length} benign edges of the time before any attack; the last row counts the ${beside.length} beside a running attack among the benign as well, of which some are lifted by the attack's own flows: a minute is judged as a whole.`,
  );
  report.table(
    ['family', 'edges', 'AUC before', 'AUC with rates', 'found at 1 % before', 'with rates'],
    [
      ...families.map((family) =>
        row(
          family,
          attacks.filter((one) => one.family === family),
        ),
      ),
      row('**all**', attacks),
      row('all, those beside an attack taken for benign', attacks, [...quiet, ...beside]),
    ],
  );
  const raised = (name: string, some: readonly JudgedEdge[]) => {
    const [alone, both] = (['alone', 'both'] as const).map((which) => some.filter((one) => one[which] > 1).length);
    report.record({ case: `edges raised ${name}`, edges: some.length, alone, both });
    return [name, String(some.length), String(alone), String(both)];
  };
  report.text('What a client raises, at the threshold of its cluster, of which one in a thousand may pass:');
  report.table(
    ['edges', 'how many', 'raised before', 'raised with rates'],
    [
      raised('benign, before any attack', quiet),
      raised('benign, beside a running attack', beside),
      raised('attacks', attacks),
    ],
  );
}

function judgedEdges(): JudgedEdge[] {
  const work = new Map(recordedWork().map((one) => [one.name, one]));
  return recordedFlows().flatMap(({ name, flows, attacksFromMs }) => {
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
        const isQuiet = nowMs <= attacksFromMs;
        return [{ family, isQuiet, alone: riskOn(alone, score), both: riskOn(both, score, seen) }];
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
