/**
 * From the surprisal of calls, and where the model has a second view from the distance of their set, to the score of a trace.
 *
 * Models of two views, in a cluster without a past: ln(c·d + 0.05) + ln(√c·s + 0.05) with d the set's distance, s the power mean
 * of the surprisals with exponent 2, and c = min(1, n / 32) for n calls: a short trace says little either way. The views are of
 * different kinds and multiply: what both find odd is odd. What one of them finds as usual as can be does not unsay the other: hence
 * the 0.05. It was chosen by ten halvings of FHIDS by content, the reported one among them, and does no harm to ADFA-LD or the recorded set. Plus the
 * share of the trace's distinct runs of six calls that the federation does not know (new-runs.ts).
 *
 * All others, and models of two views with a cluster's memory:
 *
 * 1. A call's surprisal: −ln of the mixed probability `localShare`·p_local + (1 − localShare)·p_shared. A call that
 *    either this cluster's past or the federation explains is no surprise.
 *    Where the model reads arguments, plus −ln of how likely their class is given the call: memory knows calls alone.
 * 2. Calls to trace: the power mean with exponent 3. The mean would let 600 padded calls hide 20 hostile ones (mimicry);
 *    the maximum would alarm at any one new call.
 * 3. Plus `profileWeight`·√(profile distance × root mean square shared surprisal): proportions that no process here has,
 *    counting as far as the federation is surprised too, so that a change that other clusters made before stays quiet.
 *    Falls away for a cluster without a local memory. Models of two views add the same of presence, and a fifth of how far ln d
 *    exceeds what nine of ten normal traces of the workload stay below: being nearer than usual excuses nothing, and being much
 *    farther tells no more than a quarter of a nat does (of busy programs some normal sets are very far).
 * 4. In models of two views minus 1.5·ln(1 + 2·mean surprisal), of half a nat at most: where all of a trace is a little surprising, its program is one whose runs
 *    differ, and what is odd stands out of the rest. All of that up to half a nat beyond the workload's usual, nothing from one nat on: what is far out needs
 *    no telling apart from what is a little unusual, and an attack that is strange throughout is not excused. Plus four times the share of its distinct runs of
 *    four calls that nobody did before (new-runs.ts), as far as it exceeds what a normal trace here has that the cluster's own past would not know: in the mean
 *    of up to a dozen clusters one trace of one of them is enough to know a run.
 * 5. Minus the median score of the workload's own normal traces (calibration.median): scores count from "as usual here".
 * 6. In models of two views, where each normal trace does much that the cluster's own past never saw, leaning on the score of a cluster without
 *    a past (alone-score.ts).
 *
 * The constants were chosen on one half of the recorded traces' validation contents and attack runs, by content, and hold
 * on the other half (`npm run bench -- detection`); those of 4 on splits of contents that are not reported (docs/detection-study.md).
 */
import type { LocalFindings, Reading, UsualHere } from '../memory/local-memory.ts';

const localShare = 0.3;
const profileWeight = 2;
/** Of one view. */
export const traceExponent = 3;
const twoViewsExponent = 2;
/** Shorter traces say less, either way. */
const certainCalls = 32;
const presenceWeight = 1;
const setWeight = 0.2;
const newRunsWeight = 4;
/** In the fifth reading, which counted all of them. */
const allNewRunsWeight = 3;

export const latestReading: Reading = 7;
/** How far, in nats, a set's distance may count beyond what is usual. */
const unusualMax: Readonly<Record<Reading, number>> = {
  1: Number.POSITIVE_INFINITY,
  2: 0.25,
  3: 0.25,
  4: 0.25,
  5: 0.25,
  6: 0.25,
  7: 0.25,
};
/** Without a memory: what lies below is all alike. With 0.02, sets that were very usual hid what was odd in their sequence. */
const aloneFloor: Readonly<Record<Reading, number>> = { 1: 0.02, 2: 0.02, 3: 0.05, 4: 0.05, 5: 0.05, 6: 0.05, 7: 0.05 };

/** −ln p of each call under the mixture of shared and local, shape [calls]; either alone where the other is missing. */
export function mixedSurprisal(shared: Float32Array | undefined, local: Float32Array | undefined): Float32Array {
  if (shared === undefined || local === undefined) return local ?? shared ?? new Float32Array(0);
  return shared.map((value, place) => {
    const other = local[place] as number;
    return -Math.log((1 - localShare) * Math.exp(-value) + localShare * Math.exp(-other));
  });
}

/** What a federated model finds in one trace; what an attack drove to no numbers is undefined. */
export type SharedFindings = Readonly<{
  /** Of each call, nats, shape [calls]. */
  surprisal: Float32Array | undefined;
  /** Of the class of each call's arguments, nats, shape [calls]. */
  ofArguments?: Float32Array | undefined;
  /** Of models with a second view: how far the set of calls is from any normal set. */
  setDistance?: number | undefined;
  /** How far the federation counts as surprised, nats; the root mean square of `surprisal` unless given. */
  surprised?: number | undefined;
  /** As of `OpenDetector.surprisalAndRuns`; only of models that know runs. */
  knownRuns?: Uint8Array | undefined;
}>;

/** What a cluster's own past adds to the reading of a trace. */
export type RawScoreOptions = Readonly<{
  /** How much each call counts, shape [calls]; every one the same unless given. */
  weights?: Float32Array | undefined;
  /** Nothing is usual yet unless given. */
  usual?: UsualHere | undefined;
  /** See `newRuns`; 0 unless given. */
  fresh?: number | undefined;
  /** The latest unless given. */
  reading?: Reading | undefined;
}>;

/** The score of a trace before calibration, steps 2 to 4; 0 for a trace without calls. */
export function rawTraceScore(
  shared: SharedFindings,
  local: LocalFindings | undefined,
  { weights, usual = {}, fresh = 0, reading = latestReading }: RawScoreOptions = {},
): number {
  const surprisal = withArguments(mixedSurprisal(shared.surprisal, local?.surprisal), shared.ofArguments);
  if (surprisal.length === 0) return 0;
  if (shared.setDistance === undefined) {
    const score = powerMean(surprisal, traceExponent, weights);
    if (local === undefined) return score;
    return score + profileWeight * Math.sqrt(local.profileDistances.counts * elsewhere(shared, local));
  }
  const certainty = Math.min(1, surprisal.length / certainCalls);
  if (local === undefined) {
    const grams = powerMean(surprisal, twoViewsExponent, weights) * certainty ** (1 / twoViewsExponent);
    const floor = aloneFloor[reading];
    const views = Math.log(shared.setDistance * certainty + floor) + Math.log(grams + floor);
    return reading < 5 ? views : views + fresh;
  }
  const { counts, presence } = local.profileDistances;
  const surprised = certainty ** 1.5 * elsewhere(shared, local);
  const profiles = profileWeight * Math.sqrt(counts * surprised) + presenceWeight * Math.sqrt(presence * surprised);
  const unusualSet = logarithm(shared.setDistance * certainty) - (usual.setUsual ?? Number.POSITIVE_INFINITY);
  const grams = powerMean(surprisal, traceExponent, weights) * certainty ** (1 / traceExponent);
  const score = grams + profiles + setWeight * Math.max(0, Math.min(unusualMax[reading], unusualSet));
  if (reading < 5) return score;
  const excuse = excused(powerMean(surprisal, 1, weights));
  if (reading === 5) return score - excuse + allNewRunsWeight * fresh;
  const beyond = score - (usual.unexcused ?? 0);
  return score - heeded(beyond) * excuse + newRunsWeight * Math.max(0, fresh - (usual.ownNew ?? 0));
}

/** How much of an excuse counts so many nats beyond what is usual: all of it up to half a nat, nothing from one on. */
function heeded(beyond: number): number {
  return Math.max(0, Math.min(1, 2 - 2 * beyond));
}

/**
 * What a mean surprisal, nats, excuses: three nats for each where there is little, ever less where there is more, and nothing for
 * what is beyond half a nat, which is no longer a program whose runs differ but one that was never seen.
 */
function excused(mean: number): number {
  return 1.5 * Math.log(1 + 2 * Math.min(0.5, mean));
}

/** How far the federation is surprised too: where it is not, other clusters made a change before. */
function elsewhere(shared: SharedFindings, local: LocalFindings): number {
  return shared.surprised ?? powerMean(shared.surprisal ?? local.surprisal, 2);
}

/** Of the distance of a set beside a memory; what lies below 0.02 is all alike. */
export function logarithm(value: number): number {
  return Math.log(value + 0.02);
}

/** What `logarithm` was taken of. */
export function distanceOf(value: number): number {
  return Math.exp(value) - 0.02;
}

/** Surprisal of calls and of their arguments together, shape [calls]. */
export function withArguments(ofCalls: Float32Array, ofArguments: Float32Array | undefined): Float32Array {
  return ofArguments === undefined ? ofCalls : ofCalls.map((value, place) => value + (ofArguments[place] as number));
}

/** (mean of valuesᵖ)^(1/p), weighted where weights are given, shape [values]; 0 for no values. */
export function powerMean(values: Float32Array, power: number, weights?: Float32Array): number {
  let sum = 0;
  let total = 0;
  for (let place = 0; place < values.length; place++) {
    const value = values[place] as number;
    const weight = weights === undefined ? 1 : (weights[place] as number);
    sum += weight * value ** power;
    total += weight;
  }
  return total === 0 ? 0 : (sum / total) ** (1 / power);
}
