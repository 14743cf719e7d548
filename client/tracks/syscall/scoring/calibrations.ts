/** How a cluster's own normal traces score beside one model, each judged as if it had not been learnt. */
import type { JudgingDetector, Observed } from '../../detector.ts';
import type { Steps } from '../../steps.ts';
import {
  type Calibration,
  calibrate,
  calibrationTracesMin,
  type LocalFindings,
  type LocalMemory,
  quantileOf,
  type Reading,
  type UsualHere,
} from '../memory/local-memory.ts';
import type { CallWeights } from '../traces/call-weights.ts';
import { aloneScore } from './alone-score.ts';
import { freshIn, newRuns } from './new-runs.ts';
import { heard, sharedFindings } from './shared-findings.ts';
import { latestReading, logarithm, mixedSurprisal, rawTraceScore, type SharedFindings } from './trace-score.ts';

const calibrationTracesMax = 150;

/** By class id, a trace a step. */
export function* calibrationsInSteps(
  detector: JudgingDetector,
  weights: Float32Array,
  memory: LocalMemory,
  traces: readonly Observed[],
  callWeights?: CallWeights,
): Steps<Map<number, Calibration>> {
  const opened = detector.open(weights);
  const calibrations = new Map<number, Calibration>();
  try {
    for (const [classId, own] of Map.groupBy(sampled(traces), ({ service }) => memory.classes.idOf(service))) {
      const findings: SharedFindings[] = [];
      const looks: LocalFindings[] = [];
      for (const trace of own) {
        findings.push(sharedFindings(opened, trace));
        looks.push(memory.lookWithout(trace));
        yield;
      }
      const setUsual = usualOf(findings);
      const reading = setUsual === undefined ? undefined : latestReading;
      const sharedHelps = doesSharedHelp(findings, looks);
      const judged = own.map(({ calls }, at) => {
        const found = heard(findings[at] as SharedFindings, { sharedHelps, reading });
        const [weights, fresh] = [callWeights?.without(calls, classId), freshIn(calls, found, looks[at])];
        return (usual: UsualHere, as?: Reading) =>
          rawTraceScore(found, looks[at], { weights, fresh, usual, reading: as });
      });
      const median = (usual: UsualHere, as: Reading) =>
        quantileOf(
          judged.map((scoreOf) => scoreOf(usual, as)),
          0.5,
        );
      const unexcused = reading && median({ setUsual }, 4);
      const ownNew = reading && ownNewOf(own, looks);
      const withLocal = judged.map((scoreOf) => scoreOf({ setUsual, unexcused, ownNew }));
      const shared = findings.map((one, at) => {
        const trace = own[at] as Observed;
        return aloneScore(trace.calls, { ...one, setDistance: opened.setDistance?.(trace, true) });
      });
      const calibration = calibrate(withLocal, shared, { setUsual, unexcused, ownNew, sharedHelps, reading });
      if (calibration !== undefined) calibrations.set(classId, calibration);
    }
  } finally {
    opened.close();
  }
  return calibrations;
}

/** So many traces beyond the fewest that calibrate let what they say of new runs count whole: to few much is new because little was learnt. */
const ownNewTraces = 20;

/** See `Calibration.ownNew`. The federation does not count: it has learnt these very traces. */
function ownNewOf(own: readonly Observed[], looks: readonly LocalFindings[]): number {
  const shares = looks.map(({ knownRuns }, at) =>
    knownRuns === undefined ? 0 : newRuns((own[at] as Observed).calls, [knownRuns]),
  );
  const mean = shares.reduce((sum, share) => sum + share, 0) / shares.length;
  return mean * Math.max(0, Math.min(1, (shares.length - calibrationTracesMin) / ownNewTraces));
}

/** Nats a call by which a federated model may surprise more than a cluster's own past: one that knows nothing costs 1.2. */
const surpriseMax = 0.5;

/**
 * Whether the federated model knows anything of a cluster's normal calls, each trace judged as if the memory had not learnt
 * it. A model that attacks or foreign traces made useless has no say: it would only make everything surprising.
 */
function doesSharedHelp(findings: readonly SharedFindings[], looks: readonly LocalFindings[]): boolean {
  let [gain, calls] = [0, 0];
  for (const [at, { surprisal }] of findings.entries()) {
    const local = (looks[at] as LocalFindings).surprisal;
    const mixed = mixedSurprisal(surprisal, local);
    for (const [place, value] of local.entries()) gain += value - (mixed[place] as number);
    calls += local.length;
  }
  return gain > -surpriseMax * calls;
}

/** Undefined for models without a view of sets. */
function usualOf(findings: readonly SharedFindings[]): number | undefined {
  const distances = findings.flatMap(({ setDistance }) => (setDistance === undefined ? [] : [logarithm(setDistance)]));
  return distances.length === 0 ? undefined : quantileOf(distances, 0.9);
}

/** At most `calibrationTracesMax` traces of each class, evenly spread over time: a median needs no more. */
function sampled(traces: readonly Observed[]): Observed[] {
  const byClass = Map.groupBy(traces, (trace) => trace.service);
  return [...byClass.values()].flatMap((own) => {
    const stride = Math.max(1, own.length / calibrationTracesMax);
    return Array.from({ length: Math.min(own.length, calibrationTracesMax) }, (_, i) => own[Math.floor(i * stride)]);
  }) as Observed[];
}
