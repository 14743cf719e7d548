/**
 * One p-value of several, weighed alike: the Cauchy combination test (Liu and Xie, JASA 115, 2020). It holds its level, about,
 * whatever the dependence between them, and one small value among large ones stays small. 1 for none.
 */
export function cauchyCombined(pValues: readonly number[]): number {
  if (pValues.length === 0) return 1;
  let sum = 0;
  for (const p of pValues) sum += quantileOfCauchy(Math.min(1 - 1e-12, Math.max(1e-300, p)));
  const mean = sum / pValues.length;
  // The arc tangent of a large number loses what tells small shares apart.
  return mean > 1e6 ? 1 / (mean * Math.PI) : 0.5 - Math.atan(mean) / Math.PI;
}

/** What a standard Cauchy variable exceeds with probability p. */
function quantileOfCauchy(p: number): number {
  return p < 1e-6 ? 1 / (p * Math.PI) : Math.tan((0.5 - p) * Math.PI);
}
