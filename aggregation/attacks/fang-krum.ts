import { twinAlgebra } from '../algebra/twin-algebra.ts';
import { memoryBlocks } from '../blocks/blocks.ts';
import { krum } from '../rules/krum.ts';
import { updatesOf } from '../updates.ts';
import { dot, meanOf, squaredDistance, type Vectors } from './honest.ts';

/**
 * Fang's attack on Krum, full knowledge: the f send −λ · sign(mean) with the largest λ, found by halving, that Krum still
 * picks. Fang, Cao, Jia, Gong, "Local Model Poisoning Attacks to Byzantine-Robust Federated Learning", USENIX Security
 * 2020. Updates here are deltas, so the paper's previous global model is zero. Returns shape [d]; of λ at the floor when
 * Krum picks none. O(n²d) for each of some twenty halvings.
 */
export async function fangAgainstKrum(honest: readonly Float32Array[], f: number): Promise<Float32Array> {
  const mean = meanOf(honest);
  const away = mean.map((value) => -Math.sign(value));
  const crafted = (lambda: number) => Float32Array.from(away, (value) => lambda * value);
  let lambda = upperBound(honest, f, mean.length);
  for (; lambda > 1e-5; lambda /= 2) {
    const vector = crafted(lambda);
    if (await krumPicks(vector, honest, f)) return vector;
  }
  return crafted(lambda);
}

/** The paper's Theorem 1, with n − f honest and zero as the previous model. */
function upperBound(honest: Vectors, f: number, d: number): number {
  const n = honest.length + f;
  const neighbours = Math.max(1, honest.length - f - 2);
  const scores = honest.map((a) => {
    const squared = honest.map((b) => squaredDistance(a, b)).sort((x, y) => x - y);
    return squared.slice(1, neighbours + 1).reduce((sum, value) => sum + value, 0);
  });
  const longest = Math.sqrt(Math.max(...honest.map((vector) => dot(vector, vector))));
  return Math.sqrt(Math.min(...scores) / (Math.max(1, n - 2 * f - 1) * d)) + longest / Math.sqrt(d);
}

async function krumPicks(vector: Float32Array, honest: readonly Float32Array[], f: number): Promise<boolean> {
  const blocks = memoryBlocks([...Array.from({ length: f }, () => vector), ...honest]);
  if (!blocks.ok) throw new RangeError(blocks.fault.message);
  const decided = await krum(updatesOf(twinAlgebra(), blocks.value), f);
  if (!decided.ok) throw new RangeError(decided.fault.message);
  return (decided.value.selected[0] as number) < f;
}
