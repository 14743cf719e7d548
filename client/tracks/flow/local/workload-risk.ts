/**
 * One number for a workload out of what the tracks say of it. Each track gives a p-value: the share of normal windows (or
 * traces) of that cluster that look at least so unusual. They are combined by the Cauchy combination test (Liu and Xie,
 * JASA 2020), which stays valid however the tracks depend on each other: an intruder moves both.
 *
 *     T = Σ wᵢ tan((½ − pᵢ) π) / Σ wᵢ        p = ½ − arctan(T) / π        risk = −log10 p
 */
export type TrackEvidence = Readonly<{
  /** In (0, 1]; undefined where the track has nothing on the workload. */
  pValue: number | undefined;
  /** Trust in the track, at least 0; 1 unless given. */
  weight?: number;
}>;

export type WorkloadRisk = Readonly<{
  /** As for a single track: 0.01 is passed by one normal workload and window in a hundred. */
  pValue: number;
  /** −log10 of it: 0 usual, 2 one in a hundred, 4 one in ten thousand. */
  risk: number;
}>;

/** Undefined where no track says anything. */
export function workloadRisk(tracks: readonly TrackEvidence[]): WorkloadRisk | undefined {
  let [sum, weights] = [0, 0];
  for (const { pValue, weight = 1 } of tracks) {
    if (pValue === undefined || !(weight > 0)) continue;
    sum += weight * cauchyOf(pValue);
    weights += weight;
  }
  if (weights === 0) return undefined;
  const mean = sum / weights;
  // 1 / (π T) is the tail to within 1e-10 where the arc tangent has lost its digits.
  const pValue = mean > 1e5 ? 1 / (Math.PI * mean) : 0.5 - Math.atan(mean) / Math.PI;
  return { pValue, risk: -Math.log10(pValue) };
}

function cauchyOf(pValue: number): number {
  const p = Math.min(1 - 1e-9, Math.max(1e-300, pValue));
  return p < 1e-5 ? 1 / (p * Math.PI) : Math.tan((0.5 - p) * Math.PI);
}

/**
 * The p-value of a score that is given as a multiple of its alarm threshold, as other tracks give it. The threshold lets
 * `alertRate` of the normal ones through; between and beyond, an exponential tail is assumed: p = alertRate^multiple.
 */
export function pValueOfThresholdMultiple(multiple: number, alertRate: number): number {
  if (!(alertRate > 0 && alertRate < 1))
    throw new RangeError(`alert rate: expected above 0 and below 1, got ${alertRate}`);
  return Math.max(Number.MIN_VALUE, Math.min(1, alertRate ** Math.max(0, multiple)));
}
