import { along, deviationOf, dot, meanOf, scaled, squaredDistance, type Vectors } from './honest.ts';

/**
 * Min-Max and Min-Sum: as far from the honest mean, in a chosen direction, as still passes for one of them. Shejwalkar,
 * Houmansadr, "Manipulating the Byzantine", NDSS 2021. The paper searches gamma by halving steps; each of its constraints
 * is a quadratic in gamma, so here it is the exact root.
 */
export type Perturbation = 'unit' | 'std' | 'std-sample' | 'sign';

/** `gamma`: how far; `vector`: mean + gamma · direction, shape [d], float64. */
export type Pushed = Readonly<{ gamma: number; vector: Float64Array }>;

/** The largest gamma with max_i ‖mean + gamma p − x_i‖ ≤ max_ij ‖x_i − x_j‖. */
export function minMax(honest: Vectors, perturbation: Perturbation): Pushed {
  const mean = meanOf(honest);
  const direction = directionOf(honest, perturbation);
  const limit = Math.max(...distanceRows(honest).map((row) => Math.max(...row)));
  const gammas = honest.map((vector) => {
    const away = mean.map((value, j) => value - (vector[j] as number));
    return largestRoot(dot(direction, direction), dot(direction, away), dot(away, away) - limit);
  });
  const gamma = Math.min(...gammas);
  return { gamma, vector: along(mean, gamma, direction) };
}

/** The largest gamma with Σ_i ‖mean + gamma p − x_i‖² ≤ max_i Σ_j ‖x_i − x_j‖². */
export function minSum(honest: Vectors, perturbation: Perturbation): Pushed {
  const mean = meanOf(honest);
  const direction = directionOf(honest, perturbation);
  const limit = Math.max(...distanceRows(honest).map((row) => row.reduce((sum, distance) => sum + distance, 0)));
  const away = honest.map((vector) => mean.map((value, j) => value - (vector[j] as number)));
  const half = away.reduce((sum, vector) => sum + dot(direction, vector), 0);
  const rest = away.reduce((sum, vector) => sum + dot(vector, vector), -limit);
  const gamma = largestRoot(honest.length * dot(direction, direction), half, rest);
  return { gamma, vector: along(mean, gamma, direction) };
}

/** Of square · x² + 2 half · x + rest, where rest ≤ 0; 0 where there is no direction to go. */
function largestRoot(square: number, half: number, rest: number): number {
  return square === 0 ? 0 : (-half + Math.sqrt(half * half - square * rest)) / square;
}

function directionOf(honest: Vectors, perturbation: Perturbation): Float64Array {
  const mean = meanOf(honest);
  switch (perturbation) {
    case 'unit':
      return scaled(mean, -1 / Math.max(Math.sqrt(dot(mean, mean)), Number.MIN_VALUE));
    case 'std':
      return scaled(deviationOf(honest, 0), -1);
    case 'std-sample':
      return scaled(deviationOf(honest, 1), -1);
    case 'sign':
      return mean.map((value) => -Math.sign(value));
  }
}

function distanceRows(vectors: Vectors): number[][] {
  return vectors.map((a) => vectors.map((b) => squaredDistance(a, b)));
}
