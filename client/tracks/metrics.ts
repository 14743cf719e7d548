/**
 * Area under the ROC curve: the chance that a hostile trace scores higher than a benign one, ties counting half (the
 * Mann-Whitney statistic). NaN when either side is empty. O(n log n).
 */
export function areaUnderRoc(benign: ArrayLike<number>, hostile: ArrayLike<number>): number {
  const scores = Float64Array.from([...Array.from(benign), ...Array.from(hostile)]);
  const order = Uint32Array.from(scores.keys()).sort((a, b) => (scores[a] as number) - (scores[b] as number));
  let hostileRanks = 0;
  for (let start = 0; start < order.length; ) {
    let end = start + 1;
    while (end < order.length && scores[order[end] as number] === scores[order[start] as number]) end++;
    const rank = (start + end + 1) / 2; // Equal scores share the mean of their ranks, which count from 1.
    for (let place = start; place < end; place++) if ((order[place] as number) >= benign.length) hostileRanks += rank;
    start = end;
  }
  const n = hostile.length;
  return n === 0 || benign.length === 0 ? Number.NaN : (hostileRanks - (n * (n + 1)) / 2) / (n * benign.length);
}

/** The lowest threshold that at most `falseAlarmRate` of the benign scores exceed; an alarm is a score above it. */
export function thresholdAt(benign: ArrayLike<number>, falseAlarmRate: number): number {
  const sorted = Float64Array.from(benign).sort();
  if (sorted.length === 0) return Number.NaN;
  const alarms = Math.floor(falseAlarmRate * sorted.length);
  return sorted[sorted.length - 1 - alarms] ?? Number.NEGATIVE_INFINITY;
}

/** The share of scores above a threshold; NaN when there are none. */
export function shareAbove(scores: ArrayLike<number>, threshold: number): number {
  let above = 0;
  for (let index = 0; index < scores.length; index++) if ((scores[index] as number) > threshold) above++;
  return scores.length === 0 ? Number.NaN : above / scores.length;
}

/** The share of hostile traces found when at most `falseAlarmRate` of the benign ones raise an alarm. */
export function detectionRateAt(benign: ArrayLike<number>, hostile: ArrayLike<number>, falseAlarmRate: number): number {
  return shareAbove(hostile, thresholdAt(benign, falseAlarmRate));
}
