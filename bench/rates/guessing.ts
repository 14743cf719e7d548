import { isBenign, type Trace } from '../../client/events/trace.ts';
import type { SyscallDetectorName } from '../../client/tracks/syscall/detector-names.ts';
import { auc, judged, meanOf, percent, recordedWorld, scoresOf, statesOf } from '../detection/world.ts';
import { recordedFlows } from '../flow-detection/recorded-flows.ts';
import type { Report } from '../harness/report.ts';
import { guessingFamily as family, ratesAt, timesOf } from './trace-times.ts';
import { scoresWithRates, thresholdsOf } from './workload-thresholds.ts';

const bar = 0.93;

/** Traces of password guessing, by the default detector alone and with the rates of the workload at their time. */
export async function guessingWithRates(detectors: readonly SyscallDetectorName[], report: Report): Promise<void> {
  const flows = recordedFlows();
  const rows: string[][] = [];
  for (const name of detectors) {
    const world = await recordedWorld(undefined, name);
    const weights = meanOf(world.locals);
    const states = statesOf(world, weights);
    const alone = scoresOf(world, weights, states);
    const thresholds = await thresholdsOf(world, weights);
    const before = judged(world.unseen, alone);
    for (const unknown of ['in turn', 'first'] as const) {
      const seen = ratesAt(timesOf(world.unseen, flows, unknown), flows);
      const both = scoresWithRates(world.unseen, alone, thresholds, seen);
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
