/** What lifetimes mean to somebody who has got into a pod, or waits to. Times in milliseconds. */

export type Exposure = Readonly<{
  /** The share of attacks of 10 and of 20 minutes that succeed when they begin at the best moment that can be observed. */
  strategic10: number;
  strategic20: number;
  /** How long somebody who begins at any moment stays, in the mean. */
  unwatchfulMs: number;
  maxMs: number;
  meanMs: number;
}>;

const minuteMs = 60_000;

/**
 * The attacker sees how old a pod is and nothing else. He begins at the age at which most of those that got there live for so
 * long yet; ages that fewer than a quarter of all reached say too little. E[L²] / 2 E[L] is the mean of what is left at a moment of chance.
 */
export function exposureOf(lifetimesMs: readonly number[]): Exposure {
  const sorted = [...lifetimesMs].sort((a, b) => a - b);
  const count = sorted.length;
  const alive = (ageMs: number) => count - lowerBound(sorted, ageMs);
  const best = (attackMs: number) => {
    let most = 0;
    for (let ageMs = 0; alive(ageMs) >= count / 4; ageMs += minuteMs / 2) {
      most = Math.max(most, alive(ageMs + attackMs) / alive(ageMs));
    }
    return most;
  };
  const sum = sorted.reduce((total, one) => total + one, 0);
  const squares = sorted.reduce((total, one) => total + one * one, 0);
  return {
    strategic10: best(10 * minuteMs),
    strategic20: best(20 * minuteMs),
    unwatchfulMs: squares / (2 * sum),
    maxMs: sorted.at(-1) ?? 0,
    meanMs: sum / count,
  };
}

function lowerBound(sorted: readonly number[], value: number): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle] as number) < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
