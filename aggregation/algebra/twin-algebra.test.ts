import { describe, expect, test } from 'vitest';
import { seededNumbers } from '../../base/random.ts';
import { memorySink } from '../blocks/blocks.ts';
import { addSquaredDistance } from '../ordered-sums.ts';
import { algebraContract } from './algebra-contract.ts';
import { blocksOf, normalVectors } from './samples.ts';
import { twinAlgebra } from './twin-algebra.ts';

// The twin against itself with other block sizes: no answer may depend on them.
algebraContract(
  {
    'twin, one column a block': () => twinAlgebra({ columns: 1 }),
    'twin, 1,024 columns a block': () => twinAlgebra({ columns: 1024 }),
    'twin, 1,500 columns a block': () => twinAlgebra({ columns: 1500 }),
  },
  { nMax: 16, dMax: 5000, runs: 15, relative: 0 },
);

describe('the twin', () => {
  const vectors = normalVectors(seededNumbers('twin'), 5, 3001);
  const source = blocksOf(vectors);
  const algebra = twinAlgebra();

  test('agrees with the formulas written out', async () => {
    const [a, b] = vectors as [Float32Array, Float32Array];
    const squared = a.reduce((sum, value, j) => sum + (value - (b[j] as number)) ** 2, 0);
    const [exact] = await algebra.exactDistances(source, [[0, 1]]);
    expect(exact).toBeCloseTo(squared, 8);
    const all = await algebra.squaredDistances(source);
    expect(all.values[1]).toBe(exact);
    const halfway = Float64Array.of(0.5, 0.5, 0, 0, 0);
    expect((await algebra.distancesToMean(source, halfway))[0]).toBeCloseTo(squared / 4, 8);
    const dot = a.reduce((sum, value, j) => sum + value * (b[j] as number), 0);
    expect((await algebra.dots(source, b))[0]).toBeCloseTo(dot, 8);
    const sink = memorySink(3001);
    await algebra.combine(source, Float64Array.of(1, 1, 0, 0, 0), 2, sink);
    expect(sink.values[7]).toBe(((a[7] as number) + (b[7] as number)) / 2);
  });

  test('sums in the documented order', () => {
    const n = 1030; // One whole chunk, then six values.
    const a = Float64Array.from({ length: n }, (_, j) => 10 ** (j % 17));
    const zero = new Float64Array(n);
    const chunk = (from: number, to: number) => {
      const lanes = [0, 0, 0, 0];
      for (let j = from; j < to; j++) lanes[j % 4] = (lanes[j % 4] as number) + (a[j] as number) ** 2;
      const [l0, l1, l2, l3] = lanes as [number, number, number, number];
      return l0 + l2 + (l1 + l3);
    };
    expect(addSquaredDistance(0, a, 0, zero, 0, n)).toBe(chunk(0, 1024) + chunk(1024, n));
  });
});
