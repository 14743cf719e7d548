import { meanOf, scaled, type Vectors } from './honest.ts';

/** Attacks that send a multiple of the honest mean. Each takes n honest vectors of shape [d] and returns one, float64. */

/** −scale · mean: away from where everybody goes. */
export function signFlip(honest: Vectors, scale = 1): Float64Array {
  return scaled(meanOf(honest), -scale);
}

/**
 * Inner-product manipulation, −epsilon · mean: a small epsilon stays near zero and among the honest, a large one turns
 * the mean round. Xie, Koyejo, Gupta, "Fall of Empires", UAI 2019.
 */
export function innerProductManipulation(honest: Vectors, epsilon: number): Float64Array {
  return scaled(meanOf(honest), -epsilon);
}

/**
 * Model replacement: (target · n − the sum of the honest) so that the plain mean of n updates becomes `target`. Bagdasaryan,
 * Veit, Hua, Estrin, Shmatikov, "How To Backdoor Federated Learning", AISTATS 2020. n counts all updates; the f Byzantine
 * ones share the work.
 */
export function scaledReplacement(honest: Vectors, f: number, target: Float64Array): Float64Array {
  const n = honest.length + f;
  return meanOf(honest).map((mean, j) => (n * (target[j] as number) - honest.length * mean) / f);
}
