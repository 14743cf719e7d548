/**
 * How much privacy is spent, by Rényi differential privacy: add up the cost of each use at every order, convert to
 * (epsilon, delta) at the end. One use is one Gaussian mechanism on a sample taken with probability q.
 * Mironov, "Rényi Differential Privacy", CSF 2017; Mironov, Talwar, Zhang, "Rényi Differential Privacy of the Sampled
 * Gaussian Mechanism", arXiv 1908.10530 (3.3, whole orders); conversion: Canonne, Kamath, Steinke, "The Discrete Gaussian
 * for Differential Privacy", NeurIPS 2020, Proposition 12.
 */
export const orders: readonly number[] = [
  ...Array.from({ length: 63 }, (_, index) => index + 2),
  80,
  96,
  128,
  192,
  256,
  512,
  1_024,
];

/** Cost at each of `orders`; shape [orders.length]. */
export type RdpCost = readonly number[];

export const noCost: RdpCost = orders.map(() => 0);

/**
 * The cost of `uses` uses. noiseMultiplier: the noise's standard deviation over the sensitivity, above 0. sampling: the
 * probability with which the protected unit takes part in one use, 0 to 1, secret and independent (Poisson).
 */
export function gaussianCost(noiseMultiplier: number, sampling: number, uses: number): RdpCost {
  if (!(noiseMultiplier > 0)) throw new RangeError(`noise multiplier: must be above 0, got ${noiseMultiplier}`);
  if (!(sampling >= 0 && sampling <= 1)) throw new RangeError(`sampling: must be 0 to 1, got ${sampling}`);
  if (!(uses >= 0)) throw new RangeError(`uses: must be at least 0, got ${uses}`);
  return orders.map((order) => uses * costOfOne(noiseMultiplier, sampling, order));
}

export function addCosts(a: RdpCost, b: RdpCost): RdpCost {
  return a.map((cost, index) => cost + (b[index] as number));
}

/** The least epsilon at this delta, and the order that gives it. */
export function epsilonAt(cost: RdpCost, delta: number): Readonly<{ epsilon: number; order: number }> {
  if (!(delta > 0 && delta < 1)) throw new RangeError(`delta: must lie between 0 and 1, got ${delta}`);
  let best = { epsilon: Number.POSITIVE_INFINITY, order: orders[0] as number };
  for (const [index, order] of orders.entries()) {
    const conversion = Math.log1p(-1 / order) - Math.log(delta * order) / (order - 1);
    const epsilon = Math.max(0, (cost[index] as number) + conversion);
    if (epsilon < best.epsilon) best = { epsilon, order };
  }
  return best;
}

/** Log of the order's moment over (order - 1), summed as logarithms: the terms reach e^(order² / 2σ²). */
function costOfOne(noiseMultiplier: number, sampling: number, order: number): number {
  if (sampling === 0) return 0;
  const variance = noiseMultiplier ** 2;
  if (sampling === 1) return order / (2 * variance);
  const terms: number[] = [];
  let logBinomial = 0;
  for (let k = 0; k <= order; k += 1) {
    if (k > 0) logBinomial += Math.log(order - k + 1) - Math.log(k);
    const exponent = (k * k - k) / (2 * variance);
    terms.push(logBinomial + k * Math.log(sampling) + (order - k) * Math.log1p(-sampling) + exponent);
  }
  const greatest = Math.max(...terms);
  const sum = terms.reduce((total, term) => total + Math.exp(term - greatest), 0);
  return (greatest + Math.log(sum)) / (order - 1);
}
