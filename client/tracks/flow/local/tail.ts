/**
 * From scores to p-values that mean the same in every cluster: the share of normal scores that are at least so high. Beyond
 * the highest tenth an exponential tail is fitted (its mean excess is the maximum-likelihood scale), so that an alarm far
 * out is told from one just above the highest normal score.
 */
export type Tail = Readonly<{
  /** Normal scores it was made from. */
  count: number;
  /** Their quantiles at i / (length − 1), ascending. */
  quantiles: readonly number[];
  /** Mean excess over the 90 % quantile, at least `scaleMin`. */
  scale: number;
}>;

const quantileCount = 65;
const tailShare = 0.1;
/** Where all normal scores are alike, a step of this many nats still is a step. */
const scaleMin = 0.1;

/** Undefined where there are no scores. */
export function tailOf(scores: readonly number[]): Tail | undefined {
  const sorted = Float64Array.from(scores.filter(Number.isFinite)).sort();
  if (sorted.length === 0) return undefined;
  const at = (share: number) => {
    const place = share * (sorted.length - 1);
    const low = sorted[Math.floor(place)] as number;
    return low + (place % 1) * ((sorted[Math.ceil(place)] as number) - low);
  };
  const start = at(1 - tailShare);
  const beyond = sorted.filter((score) => score > start);
  const excess = beyond.reduce((sum, score) => sum + score - start, 0) / Math.max(1, beyond.length);
  return {
    count: sorted.length,
    quantiles: Array.from({ length: quantileCount }, (_, i) => at(i / (quantileCount - 1))),
    scale: Math.max(scaleMin, excess),
  };
}

/** Share of normal scores that reach this one, in (0, 1]; falls as the score grows. */
export function pValueOf({ quantiles, scale }: Tail, score: number): number {
  const last = quantiles.length - 1;
  const tailFrom = Math.round((1 - tailShare) * last);
  const start = quantiles[tailFrom] as number;
  const startShare = 1 - tailFrom / last;
  if (score > start) return Math.max(Number.MIN_VALUE, startShare * Math.exp(-(score - start) / scale));
  // The lowest quantile that the score does not exceed.
  let [low, high] = [0, tailFrom];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((quantiles[middle] as number) < score) low = middle + 1;
    else high = middle;
  }
  if (low === 0) return 1;
  const [below, above] = [quantiles[low - 1] as number, quantiles[low] as number];
  return 1 - (low - 1 + (score - below) / Math.max(above - below, Number.MIN_VALUE)) / last;
}
