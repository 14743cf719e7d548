import { endOfFlow, type ObservedFlow } from '../../client/events/flow-record.ts';
import { isBenign, type Trace } from '../../client/events/trace.ts';
import { flowFacts } from '../../client/rates/flow-facts.ts';
import { WorkloadRates } from '../../client/rates/workload-rates.ts';
import { type RatesSeen, RateWatch, withRates } from '../../client/scoring/rates-seen.ts';
import { scoresByGroup, unlearntScores } from '../../client/scoring/thresholds/first-scores.ts';
import { GroupThresholds } from '../../client/scoring/thresholds/group-thresholds.ts';
import { defaultWindowMax, shortWarmUp } from '../../client/scoring/thresholds/threshold.ts';
import type { PlaceScorer } from '../../client/tracks/place-scores.ts';
import type { SyscallDetectorName } from '../../client/tracks/syscall/detector-names.ts';
import { learnClusterState, SyscallScorer } from '../../client/tracks/syscall/scoring/scoring.ts';
import { defaultAlertRate } from '../../client/tracks/track-kind.ts';
import { auc, judged, meanOf, percent, recordedWorld, scoresOf, statesOf, type World } from '../detection/world.ts';
import { type RecordedFlows, recordedFlows } from '../flow-detection/recorded-flows.ts';
import type { Report } from '../harness/report.ts';
import { recordedRates } from './recorded-rates.ts';

const family = 'password_guessing';
const bar = 0.93;

/** Which connection of its run a process is taken for whose own nobody knows. */
type Unknown = 'first' | 'in turn';

/** Traces of password guessing, by the default detector alone and with the rates of the workload at their time. */
export async function guessingWithRates(detectors: readonly SyscallDetectorName[], report: Report): Promise<void> {
  const flows = recordedFlows();
  const rows: string[][] = [];
  for (const name of detectors) {
    const world = await recordedWorld(undefined, name);
    const weights = meanOf(world.locals);
    const states = statesOf(world, weights);
    const alone = scoresOf(world, weights, states);
    const thresholds = new Map<string, GroupThresholds>();
    for (const [at, cluster] of world.names.entries()) {
      thresholds.set(cluster, await thresholdsOf(world, weights, cluster, world.training[at] ?? []));
    }
    const before = judged(world.unseen, alone);
    for (const unknown of ['in turn', 'first'] as const) {
      const seen = ratesAt(timesOf(world.unseen, flows, unknown), flows);
      const both = world.unseen.map((trace, at) => {
        const own = thresholds.get(trace.cluster ?? '')?.find(trace.service);
        return own === undefined ? (alone[at] as number) : withRates(own, alone[at] as number, seen.get(trace));
      });
      const after = judged(world.unseen, both);
      const [was, is] = [before, after].map(({ byFamily }) => byFamily[family]);
      if (was === undefined || is === undefined) throw new Error('nobody guesses a password');
      const overall = { overallBefore: before.overall, overallAfter: after.overall };
      const levelOf = ({ cluster, service }: Trace) =>
        thresholds
          .get(cluster ?? '')
          ?.find(service)
          ?.level() ?? Number.POSITIVE_INFINITY;
      const raised = (scores: ArrayLike<number>, isOne: (trace: Trace) => boolean) =>
        world.unseen.filter((trace, at) => isOne(trace) && (scores[at] as number) > levelOf(trace)).length;
      const isUsual = (trace: Trace) => isBenign(trace) && trace.family !== 'drift';
      const [falseAlarms, foundByAlarm] = [isUsual, (trace: Trace) => trace.family === family].map((isOne) =>
        [alone, both].map((scores) => raised(scores, isOne)),
      ) as [[number, number], [number, number]];
      const counts = { benign: world.unseen.filter(isUsual).length, falseAlarms, foundByAlarm };
      report.record({ case: `guessing ${name} ${unknown}`, before: was, after: is, ...overall, ...counts });
      const who = `${name}, unknown connections: ${unknown}`;
      rows.push(
        [`${family}, AUC, ${who}`, auc(was.auc), auc(is.auc), String(bar), is.auc >= bar ? 'met' : '**missed**'],
        [`${family}, found at 1 %, ${who}`, percent(was.foundAt1), percent(is.foundAt1), '–', ''],
        [`all families, AUC, ${who}`, auc(before.overall.auc), auc(after.overall.auc), '–', ''],
        [
          `all families, found at 1 %, ${who}`,
          percent(before.overall.foundAt1),
          percent(after.overall.foundAt1),
          'no less than before',
          after.overall.foundAt1 >= before.overall.foundAt1 ? 'met' : '**missed**',
        ],
        [`benign traces raised by a client, of ${counts.benign}, ${who}`, ...falseAlarms.map(String), '–', ''],
        [`${family}, raised by a client, of ${was.hostile}, ${who}`, ...foundByAlarm.map(String), '–', ''],
      );
    }
  }
  report.text(
    `## Password guessing: recorded traces

The recorded traces carry no times, and the flows of the same recording do. So a guess has the time of its connection, whose number in its run stands in its name; of a process that a guess started the connection is unknown: they are taken *in turn*, by their numbers, or all for the run's *first*, when there was nothing to count yet. A benign trace has the time of a benign connection of its service in the same part of the recording: the one at the same share of the way, by process ids. Traces of other attacks have none and are judged as before. Rates are of the flows alone; a client counts traces too. What a client raises is what passes its workload's threshold, which starts from its normal traces. Nothing of how rates lift a score was fitted to these guesses but what is left of an earlier form, chosen among ten on them: the Cauchy test, and that nothing rises past a threshold before it is as rare as an alarm may be. Since there are no other guesses, "met" says less here than elsewhere.`,
  );
  report.table(['measure', 'before', 'with rates', 'bar', ''], rows);
}

/** What is usual in each workload of a cluster, as a client's buffer would say. */
async function thresholdsOf(
  { detector }: World,
  weights: Float32Array,
  cluster: string,
  normal: readonly Trace[],
): Promise<GroupThresholds> {
  const open = async (some: readonly Trace[]): Promise<PlaceScorer<Trace>> => {
    const clusters = new Map([[cluster, learnClusterState(detector, weights, some)]]);
    const scorer = new SyscallScorer({ detector, weights, clusters });
    return {
      score: (traces) => traces.map((one) => ({ groups: [one.service], scores: scorer.score([one]) })),
      close: () => scorer.close(),
    };
  };
  const scorer = await open(normal);
  const scores = new Map([...(await scoresByGroup(scorer, normal)), ...(await unlearntScores(open, normal))]);
  scorer.close();
  const rule = { kind: 'quantile', alertRate: defaultAlertRate } as const;
  return new GroupThresholds(scores, { rule, warmUp: shortWarmUp, windowMax: defaultWindowMax });
}

function timesOf(traces: readonly Trace[], recorded: readonly RecordedFlows[], unknown: Unknown): Map<Trace, number> {
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
    const guesses = flows.filter(({ label }) => label === family).map(endedMs);
    for (const [trace, connection] of connectionsOf(
      own.filter((trace) => trace.family === family),
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
function ratesAt(times: ReadonlyMap<Trace, number>, recorded: readonly RecordedFlows[]): Map<Trace, RatesSeen> {
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
