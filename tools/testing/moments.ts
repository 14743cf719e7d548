import { seededRandom } from '../../base/random.ts';

/** Moments to kill a process at, spread at random over a span and the same for the same seed. Milliseconds. */
export function seededMoments(given: { seed: number; count: number; fromMs: number; toMs: number }): number[] {
  const random = seededRandom(given.seed);
  return Array.from({ length: given.count }, () => given.fromMs + random() * (given.toMs - given.fromMs));
}
