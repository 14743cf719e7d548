import type { ServerOptimiser } from '../round/policy.ts';

/** Values of state an optimiser keeps for each value of the model. */
export function momentsPerValue(optimiser: ServerOptimiser): 0 | 1 | 2 {
  switch (optimiser.kind) {
    case 'plain':
      return 0;
    case 'momentum':
      return 1;
    case 'adam':
      return 2;
  }
}

/**
 * Moves a block of the global model by the aggregated delta; every value by itself, so blocks may be of any size.
 * base: shape [k], float32. delta: shape [k], float64. moments: shape [k · momentsPerValue], float32, interleaved, and
 * changed in place; the first round's are `firstMoments`. Returns shape [k], float32: computed in float64, rounded once.
 *
 * plain     x + η·Δ                                           η = 1 is FedAvg (McMahan et al., AISTATS 2017)
 * momentum  v ← β·v + Δ;  x + η·v                             FedAvgM (Hsu et al., 2019)
 * adam      m ← β₁·m + (1−β₁)·Δ;  v ← β₂·v + (1−β₂)·Δ²;  x + η·m / (√v + τ)
 *           FedAdam (Reddi et al., ICLR 2021, algorithm 2: no bias correction; τ is `epsilon`)
 */
export function moveBlock(
  optimiser: ServerOptimiser,
  base: Float32Array,
  delta: Float64Array,
  moments: Float32Array,
): Float32Array {
  const moved = new Float32Array(base.length);
  const { learningRate } = optimiser;
  switch (optimiser.kind) {
    case 'plain':
      for (let i = 0; i < base.length; i++) moved[i] = at(base, i) + learningRate * at(delta, i);
      break;
    case 'momentum':
      for (let i = 0; i < base.length; i++) {
        moments[i] = optimiser.momentum * at(moments, i) + at(delta, i);
        moved[i] = at(base, i) + learningRate * at(moments, i);
      }
      break;
    case 'adam': {
      const { beta1, beta2, epsilon } = optimiser;
      for (let i = 0; i < base.length; i++) {
        const change = at(delta, i);
        moments[2 * i] = beta1 * at(moments, 2 * i) + (1 - beta1) * change;
        moments[2 * i + 1] = beta2 * at(moments, 2 * i + 1) + (1 - beta2) * change * change;
        moved[i] = at(base, i) + (learningRate * at(moments, 2 * i)) / (Math.sqrt(at(moments, 2 * i + 1)) + epsilon);
      }
      break;
    }
  }
  return moved;
}

/** What the moments are before the first round: zeros, and τ² for Adam's second moment, the least that its paper allows. */
export function firstMoments(optimiser: ServerOptimiser, values: number): Float32Array {
  const moments = new Float32Array(values * momentsPerValue(optimiser));
  if (optimiser.kind === 'adam') {
    for (let i = 1; i < moments.length; i += 2) moments[i] = optimiser.epsilon ** 2;
  }
  return moments;
}

function at(values: Float32Array | Float64Array, index: number): number {
  return values[index] as number;
}
