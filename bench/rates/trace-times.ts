/** When the recorded traces happened, read off the flows of the same recording, and what was unusual of their workloads then. */
import { endOfFlow, type ObservedFlow } from '../../client/events/flow-record.ts';
import { isBenign, type Trace } from '../../client/events/trace.ts';
import { flowFacts } from '../../client/rates/flow-facts.ts';
import { WorkloadRates } from '../../client/rates/workload-rates.ts';
import { type RatesSeen, RateWatch } from '../../client/scoring/rates-seen.ts';
import { defaultAlertRate } from '../../client/tracks/track-kind.ts';
import type { RecordedFlows } from '../flow-detection/recorded-flows.ts';
import { recordedRates } from './recorded-rates.ts';

/** The family whose traces have the times of connections. */
export const guessingFamily = 'password_guessing';

/** Which connection of its run a process is taken for whose own nobody knows. */
export type Unknown = 'first' | 'in turn';

/** Epoch milliseconds. Traces of attacks that the flows do not time have none. */
export function timesOf(
  traces: readonly Trace[],
  recorded: readonly RecordedFlows[],
  unknown: Unknown,
): Map<Trace, number> {
  const times = new Map<Trace, number>();
  for (const { name, flows, trainEndMs, attacksFromMs } of recorded) {
    const own = traces.filter(({ cluster }) => cluster === name);
    for (const [service, some] of Map.groupBy(own.filter(isBenign), (trace) => trace.service)) {
      const ends = flows
        .filter((flow) => flow.destination.workload === service || flow.source.workload === service)
        .map(endedMs)
        .filter((atMs) => atMs > trainEndMs && atMs < attacksFromMs)
        .sort((a, b) => a - b);
      const inOrder = some.toSorted((a, b) => pidOf(a) - pidOf(b));
      for (const [at, trace] of inOrder.entries()) {
        const end = ends[Math.floor((at / inOrder.length) * ends.length)];
        if (end !== undefined) times.set(trace, end);
      }
    }
    const guesses = flows.filter(({ label }) => label === guessingFamily).map(endedMs);
    for (const [trace, connection] of connectionsOf(
      own.filter((trace) => trace.family === guessingFamily),
      unknown,
    )) {
      const end = guesses[connection];
      if (end !== undefined) times.set(trace, end);
    }
  }
  return times;
}

/** Connections of each variant's runs, as the recorder made them. */
const perRun: Readonly<Record<string, number>> = { 'ssh-rawbanner': 5, 'ssh-client': 3, 'ftp-par': 4 };

/** Which of a cluster's guesses each trace is of: runs follow one another in the order of their numbers. */
function connectionsOf(traces: readonly Trace[], unknown: Unknown): Map<Trace, number> {
  const found = new Map<Trace, number>();
  const runs = Map.groupBy(traces, ({ name }) => name.split('.')[0] ?? '');
  let before = 0;
  for (const run of [...runs.keys()].sort()) {
    const own = runs.get(run) ?? [];
    const connections = perRun[own[0]?.name.split('.')[1] ?? ''] ?? 1;
    const started = own.filter((trace) => partOf(trace).startsWith('c')).sort((a, b) => numberOf(a) - numberOf(b));
    for (const trace of own) {
      const turn = started.indexOf(trace);
      const guessed = unknown === 'first' ? 0 : Math.floor((turn / started.length) * connections);
      found.set(trace, before + (turn < 0 ? numberOf(trace) - 1 : guessed));
    }
    before += connections;
  }
  return found;
}

/** "r3" of the name of a run's third first process, "c4" of that of a descendant. */
function partOf({ name }: Trace): string {
  return name.split('.')[2] ?? '';
}

function numberOf(trace: Trace): number {
  return Number(partOf(trace).slice(1));
}

function endedMs(flow: ObservedFlow): number {
  return endOfFlow(flow) + (flow.volume?.durationMs ?? 0);
}

function pidOf({ name }: Trace): number {
  const [, , pid = '0', piece = 's0'] = name.split('.');
  return Number(pid) * 1_000 + Number(piece.slice(1));
}

/** What was unusual of a trace's workload at its time: flows are counted as they end, up to then and no further. */
export function ratesAt(times: ReadonlyMap<Trace, number>, recorded: readonly RecordedFlows[]): Map<Trace, RatesSeen> {
  const found = new Map<Trace, RatesSeen>();
  for (const { name, flows } of recorded) {
    const due = [...times].filter(([{ cluster }]) => cluster === name).sort(([, a], [, b]) => a - b);
    const ended = flows.toSorted((a, b) => endedMs(a) - endedMs(b));
    const rates = new WorkloadRates(recordedRates);
    let nowMs = 0;
    const watch = new RateWatch(rates, defaultAlertRate, () => nowMs as never);
    let next = 0;
    for (const [trace, atMs] of due) {
      nowMs = atMs;
      for (; next < ended.length; next++) {
        const flow = ended[next] as ObservedFlow;
        if (endedMs(flow) > atMs) break;
        rates.hear(flowFacts(flow), endedMs(flow));
      }
      const of = [{ workload: `/${trace.service}`, measures: ['sessions alike', 'refusals'] as const }];
      const seen = watch.see({ atMs, adds: [], of });
      if (seen !== undefined) found.set(trace, seen);
    }
  }
  return found;
}
