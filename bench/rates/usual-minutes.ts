import { endOfFlow, type ObservedFlow } from '../../client/events/flow-record.ts';
import { flowFacts } from '../../client/rates/flow-facts.ts';
import { WorkloadRates } from '../../client/rates/workload-rates.ts';
import { percent } from '../detection/world.ts';
import { type RecordedFlows, recordedFlows } from '../flow-detection/recorded-flows.ts';
import type { Report } from '../harness/report.ts';
import { recordedRates } from './recorded-rates.ts';

const shares = [0.1, 0.05, 0.01, 0.001] as const;

/** Of the flows of a time without attacks, at how many the rates of whoever served them were as rare as a p-value says. */
export function usualMinutes(report: Report): void {
  const recorded = recordedFlows();
  const rows = (
    [
      ['that clusters learn from', (of: RecordedFlows) => [0, of.trainEndMs]],
      ['after it, before any attack', (of: RecordedFlows) => [of.trainEndMs, of.attacksFromMs]],
    ] as const
  ).map(([name, during]) => {
    const found = recorded.flatMap((one) => {
      const [fromMs = 0, endMs = 0] = during(one);
      return pValues(one.flows, fromMs, endMs);
    });
    const below = shares.map((share) => found.filter((p) => p < share).length / found.length);
    report.record({ case: `usual minutes ${name}`, flows: found.length, below });
    return [name, String(found.length), ...below.map(percent)];
  });
  report.text(
    `## Minutes in which nothing happened

At the end of every flow, how rare the sessions and refusals of the workload that served it are. Where p-values are honest no larger share of them is below a number than the number says; flows of one minute are alike, so the shares are of few minutes.`,
  );
  report.table(['time', 'flows', ...shares.map((share) => `p below ${share}`)], rows);
}

function pValues(flows: readonly ObservedFlow[], fromMs: number, endMs: number): number[] {
  const rates = new WorkloadRates(recordedRates);
  const endedMs = (flow: ObservedFlow) => endOfFlow(flow) + (flow.volume?.durationMs ?? 0);
  return flows
    .toSorted((a, b) => endedMs(a) - endedMs(b))
    .filter((flow) => endedMs(flow) < endMs)
    .flatMap((flow) => {
      const atMs = endedMs(flow);
      rates.hear(flowFacts(flow), atMs);
      if (atMs < fromMs || flow.destination.kind !== 'workload') return [];
      const of = { workload: `/${flow.destination.workload}`, measures: ['sessions alike', 'refusals'] as const };
      return rates.unusual([], [of], atMs)?.p ?? [];
    });
}
