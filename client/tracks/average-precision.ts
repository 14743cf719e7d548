/**
 * Average precision: the mean, over the positives, of the precision at each one's score (the area under the precision-recall
 * curve by steps). Positives score high; equal scores count as found together. NaN without positives. O(n log n).
 */
export function averagePrecision(negative: ArrayLike<number>, positive: ArrayLike<number>): number {
  const scores = [...Array.from(negative), ...Array.from(positive)];
  const order = [...scores.keys()].sort((a, b) => (scores[b] as number) - (scores[a] as number));
  let [found, seen, sum] = [0, 0, 0];
  for (let start = 0; start < order.length; ) {
    let end = start;
    let here = 0;
    while (end < order.length && scores[order[end] as number] === scores[order[start] as number]) {
      if ((order[end] as number) >= negative.length) here++;
      end++;
    }
    found += here;
    seen = end;
    sum += here * (found / seen);
    start = end;
  }
  return positive.length === 0 ? Number.NaN : sum / positive.length;
}
