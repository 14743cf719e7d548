import { seededNumbers } from '../../base/random.ts';
import { dot, meanOf, type Vectors } from './honest.ts';

/**
 * Mimic: every Byzantine client copies the one honest client that lies farthest along the direction of greatest variance,
 * so that it counts f + 1 times. Undetectable, harmless where clients are alike, and ruin for rules that assume it.
 * Karimireddy, He, Jaggi, "Byzantine-Robust Learning on Heterogeneous Datasets via Bucketing", ICLR 2022 (there the
 * direction is followed over the rounds; here it is found anew, by power iteration). Returns the row to copy.
 */
export function mimicked(honest: Vectors, seed: string, iterations = 20): number {
  const mean = meanOf(honest);
  const centred = honest.map((vector) => mean.map((value, j) => (vector[j] as number) - value));
  const random = seededNumbers(`mimic ${seed}`);
  let direction = mean.map(() => random.normal());
  for (let step = 0; step < iterations; step++) {
    const next = new Float64Array(direction.length);
    for (const vector of centred) {
      const along = dot(vector, direction);
      vector.forEach((value, j) => {
        next[j] = (next[j] as number) + along * value;
      });
    }
    const length = Math.sqrt(dot(next, next));
    if (length === 0) return 0; // All alike: any will do.
    direction = next.map((value) => value / length);
  }
  const reach = centred.map((vector) => Math.abs(dot(vector, direction)));
  return reach.indexOf(Math.max(...reach));
}
