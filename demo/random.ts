/** A seeded source of uniform numbers in [0, 1). */
export type Random = () => number;

/** mulberry32 (Tommy Ettinger's public-domain generator): 32 bits of state, enough to deal traces, not to keep secrets. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A shuffled copy (Fisher and Yates). */
export function shuffled<Item>(items: readonly Item[], random: Random): Item[] {
  const out = [...items];
  for (let last = out.length - 1; last > 0; last--) {
    const pick = Math.floor(random() * (last + 1));
    [out[last], out[pick]] = [out[pick] as Item, out[last] as Item];
  }
  return out;
}

/** One draw from a symmetric Dirichlet distribution: `size` shares that sum to 1. Small alpha: few large shares. */
export function dirichlet(size: number, alpha: number, random: Random): number[] {
  const draws = Array.from({ length: size }, () => gamma(alpha, random));
  const total = draws.reduce((sum, draw) => sum + draw, 0);
  // Every draw can underflow when alpha is tiny: then all of it goes to one place, which is the distribution's limit.
  if (!(total > 0)) {
    const winner = Math.floor(random() * size);
    return draws.map((_, index) => (index === winner ? 1 : 0));
  }
  return draws.map((draw) => draw / total);
}

/** Gamma(shape, 1) after Marsaglia and Tsang (ACM TOMS 26, 2000); shapes below 1 by their boosting step. */
function gamma(shape: number, random: Random): number {
  if (shape < 1) return gamma(shape + 1, random) * (1 - random()) ** (1 / shape);
  const d = shape - 1 / 3;
  const c = 1 / Math.sqrt(9 * d);
  for (;;) {
    const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
    const v = (1 + c * normal) ** 3;
    if (v > 0 && Math.log(1 - random()) < 0.5 * normal * normal + d - d * v + d * Math.log(v)) return d * v;
  }
}
