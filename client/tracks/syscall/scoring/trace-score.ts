/**
 * From the surprisal of calls to the score of a trace.
 *
 * 1. A call's surprisal: −ln of the mixed probability `localShare`·p_local + (1 − localShare)·p_shared. A call that
 *    either this cluster's past or the federation explains is no surprise.
 *    Where the model reads arguments, plus −ln of how likely their class is given the call: memory knows calls alone.
 * 2. Calls to trace: the power mean with exponent 3. The mean would let 600 padded calls hide 20 hostile ones (mimicry);
 *    the maximum would alarm at any one new call.
 * 3. Plus `profileWeight`·√(profile distance × root mean square shared surprisal): proportions that no process here has,
 *    counting as far as the federation is surprised too, so that a change that other clusters made before stays quiet.
 *    Falls away for a cluster without a local memory.
 * 4. Minus the median score of the workload's own normal traces (calibration.median): scores count from "as usual here".
 *
 * The constants were chosen on one half of the recorded traces' validation contents and attack runs, by content, and hold
 * on the other half (`npm run bench -- detection`).
 */
import type { LocalFindings } from '../memory/local-memory.ts';

const localShare = 0.3;
const profileWeight = 2;
const exponent = 3;

/** −ln p of each call under the mixture of shared and local, shape [calls]; either alone where the other is missing. */
export function mixedSurprisal(shared: Float32Array | undefined, local: Float32Array | undefined): Float32Array {
  if (shared === undefined || local === undefined) return local ?? shared ?? new Float32Array(0);
  return shared.map((value, place) => {
    const other = local[place] as number;
    return -Math.log((1 - localShare) * Math.exp(-value) + localShare * Math.exp(-other));
  });
}

/** Steps 2 and 3: the score of a trace before calibration. 0 for a trace without calls. */
export function rawTraceScore(
  shared: Float32Array | undefined,
  local: LocalFindings | undefined,
  {
    ofArguments,
    weights,
  }: Readonly<{ ofArguments?: Float32Array | undefined; weights?: Float32Array | undefined }> = {},
): number {
  const score = powerMean(withArguments(mixedSurprisal(shared, local?.surprisal), ofArguments), exponent, weights);
  if (local === undefined) return score;
  const elsewhere = powerMean(shared ?? local.surprisal, 2);
  return score + profileWeight * Math.sqrt(local.profileDistance * elsewhere);
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
