import { along, deviationOf, meanOf, type Vectors } from './honest.ts';
import { normalQuantile } from './normal-quantile.ts';

/**
 * A little is enough (ALIE): mean + z · deviation per coordinate, inside the honest spread and all the same way. A
 * negative z leans the other way. Baruch, Baruch, Goldberg, "A Little Is Enough", NeurIPS 2019. Shape [d], float64.
 */
export function littleIsEnough(honest: Vectors, z: number, ddof: 0 | 1 = 0): Float64Array {
  return along(meanOf(honest), z, deviationOf(honest, ddof));
}

/** The paper's largest z: s = ⌊n/2 + 1⌋ − f supporters are needed, Φ(z) = (n − f − s) / (n − f). */
export function littleIsEnoughZ(n: number, f: number): number {
  const supporters = Math.floor(n / 2 + 1) - f;
  return normalQuantile((n - f - supporters) / (n - f));
}
