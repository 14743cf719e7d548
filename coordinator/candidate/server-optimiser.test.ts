import { describe, expect, it } from 'vitest';
import type { ServerOptimiser } from '../round/policy.ts';
import { firstMoments, momentsPerValue, moveBlock } from './server-optimiser.ts';

/** Runs rounds over two values, and gives the model after each. */
function run(optimiser: ServerOptimiser, deltas: readonly (readonly [number, number])[]): number[][] {
  let model: Float32Array = Float32Array.of(1, -2);
  const moments = firstMoments(optimiser, 2);
  return deltas.map((delta) => {
    model = moveBlock(optimiser, model, Float64Array.from(delta), moments);
    return [...model];
  });
}

describe('moveBlock', () => {
  it('adds the delta times the rate when plain', () => {
    expect(
      run({ kind: 'plain', learningRate: 0.5 }, [
        [2, 4],
        [1, 0],
      ]),
    ).toEqual([
      [2, 0],
      [2.5, 0],
    ]);
  });

  it('goes on in the direction of earlier rounds under momentum', () => {
    const optimiser: ServerOptimiser = { kind: 'momentum', learningRate: 0.5, momentum: 0.5 };
    // v = 2, then 0.5·2 + 0 = 1; v = 4, then 0.5·4 + 4 = 6.
    expect(
      run(optimiser, [
        [2, 4],
        [0, 4],
      ]),
    ).toEqual([
      [2, 0],
      [2.5, 3],
    ]);
  });

  it('follows algorithm 2 of the FedAdam paper, worked by hand', () => {
    const optimiser: ServerOptimiser = { kind: 'adam', learningRate: 0.1, beta1: 0.75, beta2: 0.5, epsilon: 0.25 };
    // First value: m = 0.25·2 = 0.5; v = 0.5·0.0625 + 0.5·4 = 2.03125; x = 1 + 0.1·0.5 / (√2.03125 + 0.25).
    const [[first, still]] = run(optimiser, [[2, 0]]) as [[number, number]];
    expect(first).toBeCloseTo(1 + 0.05 / (Math.sqrt(2.03125) + 0.25), 6);
    expect(still).toBe(-2);
  });

  it('gives the same bits whatever the blocks', () => {
    for (const optimiser of [
      { kind: 'plain', learningRate: 0.3 },
      { kind: 'momentum', learningRate: 0.3, momentum: 0.9 },
      { kind: 'adam', learningRate: 0.3, beta1: 0.9, beta2: 0.99, epsilon: 1e-3 },
    ] as const satisfies ServerOptimiser[]) {
      const base = Float32Array.from({ length: 100 }, (_, i) => Math.sin(i));
      const delta = Float64Array.from({ length: 100 }, (_, i) => Math.cos(3 * i) / 7);
      const per = momentsPerValue(optimiser);
      const wholeMoments = firstMoments(optimiser, 100);
      const whole = moveBlock(optimiser, base, delta, wholeMoments);
      const moments = firstMoments(optimiser, 100);
      const parts = [0, 37, 64].map((from, index, all) => {
        const until = all[index + 1] ?? 100;
        const part = moments.subarray(from * per, until * per);
        return [...moveBlock(optimiser, base.subarray(from, until), delta.subarray(from, until), part)];
      });
      expect(parts.flat()).toEqual([...whole]);
      expect([...moments]).toEqual([...wholeMoments]);
    }
  });
});
