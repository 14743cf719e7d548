/** Moments to kill a process at, spread at random over a span and the same for the same seed. Milliseconds. */
export function seededMoments(given: { seed: number; count: number; fromMs: number; toMs: number }): number[] {
  let state = given.seed >>> 0;
  const random = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0; // Numerical Recipes' congruential generator.
    return state / 2 ** 32;
  };
  return Array.from({ length: given.count }, () => given.fromMs + random() * (given.toMs - given.fromMs));
}
