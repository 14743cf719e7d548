import { seededNumbers, shuffled } from '../../base/random.ts';
import { type Aggregated, ok, refuse } from '../fault.ts';
import { refuseInteger } from '../requirements.ts';
import type { Updates } from '../updates.ts';
import { type Mixed, meansOf } from './nearest-neighbour-mixing.ts';

/**
 * Bucketing: updates in random order, cut in groups of `size`, each replaced by its mean; the last may be smaller.
 * Karimireddy, He, Jaggi, "Byzantine-Robust Learning on Heterogeneous Datasets via Bucketing", ICLR 2022.
 *
 * Shapes: [n, d] → [⌈n / size⌉, d]. f Byzantine updates spoil at most f buckets, so the rule that follows keeps its f and
 * must be legal for ⌈n / size⌉ rows. O(nd) time, computed while read.
 *
 * `permutation`: every row once. Clients must not be able to foresee it: seed it with what they cannot know when they
 * send, and the same for a replay (`seededPermutation`).
 */
export async function bucket(
  updates: Updates,
  size: number,
  permutation: readonly number[],
): Promise<Aggregated<Mixed>> {
  const { n } = updates.source;
  const refused = refuseInteger('PARAMETER_OUT_OF_RANGE', 'size', size, 1, n);
  if (refused) return refused;
  if (permutation.length !== n || new Set(permutation).size !== n || !permutation.every((row) => row >= 0 && row < n)) {
    return refuse('PARAMETER_OUT_OF_RANGE', `the permutation must hold each of 0..${n - 1} once`);
  }
  const groups = Array.from({ length: Math.ceil(n / size) }, (_, at) =>
    permutation.slice(at * size, (at + 1) * size).sort((a, b) => a - b),
  );
  return ok({ updates: meansOf(updates, groups), groups });
}

/** The same permutation of 0..n−1 for the same seed, on every machine. */
export function seededPermutation(n: number, seed: string): number[] {
  return shuffled([...Array(n).keys()], seededNumbers(`bucketing ${seed}`));
}
