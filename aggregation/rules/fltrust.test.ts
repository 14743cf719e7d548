import { expect, test } from 'vitest';
import { seededNumbers } from '../../base/random.ts';
import { blocksOf, granted, normalVectors } from '../algebra/samples.ts';
import { twinAlgebra } from '../algebra/twin-algebra.ts';
import { memorySink } from '../blocks/blocks.ts';
import { leastSquares } from '../trusted/least-squares.ts';
import type { TrustedSample } from '../trusted/trusted-loss.ts';
import { carryOut, updatesOf } from '../updates.ts';
import { fltrust } from './fltrust.ts';

const algebra = twinAlgebra();
/** L(w) = ½ (w₀ − 1)² + ½ (w₁ − 1)²: its steepest descent at 0 is along (1, 1). */
const loss = leastSquares([
  { class: 'a', features: [1, 0, 0], value: 1 },
  { class: 'b', features: [0, 1, 0], value: 1 },
]);

async function run(vectors: readonly (readonly number[])[], trusted: TrustedSample, base = new Float32Array(3)) {
  const updates = updatesOf(algebra, blocksOf(vectors.map((vector) => Float32Array.from(vector))));
  const decision = granted(await fltrust(updates, 1, { trusted, base }));
  const sink = memorySink(updates.source.d);
  await carryOut(algebra, decision.plan, sink);
  return { ...decision, values: [...sink.values] };
}

const norm = (x: readonly number[]) => Math.hypot(...x);
const dot = (x: readonly number[], y: readonly number[]) =>
  x.reduce((sum, value, j) => sum + value * (y[j] as number), 0);

/** The paper's formula, row by row. */
function asThePaper(vectors: readonly (readonly number[])[], r: readonly number[]) {
  const trust = vectors.map((x) => (norm(x) === 0 ? 0 : Math.max(0, dot(x, r) / (norm(x) * norm(r)))));
  const total = trust.reduce((sum, each) => sum + each, 0);
  const shares = trust.map((each) => (total === 0 ? 0 : each / total));
  const values = r.map((_, j) =>
    vectors.reduce((sum, x, i) => sum + (shares[i] as number) * (norm(r) / norm(x)) * (x[j] as number), 0),
  );
  return { values, shares };
}

test('fltrust › scales every update to the server’s length and weighs it by its cosine, as the paper says', async () => {
  const random = seededNumbers('fltrust');
  for (let turn = 0; turn < 20; turn++) {
    const [reference, ...rows] = normalVectors(random, 6, 3) as [Float32Array, ...Float32Array[]];
    const vectors = rows.map((row, at) => Array.from(row, (value) => value * (1 + 3 * at)));
    const rounded = vectors.map((vector) => [...Float32Array.from(vector)]);
    const expected = asThePaper(rounded, [...reference]);
    const { values, shares, selected } = await run(vectors, { loss, reference });
    expected.values.forEach((value, j) => {
      expect(values[j]).toBeCloseTo(value, 9);
    });
    expected.shares.forEach((share, row) => {
      expect(shares?.[row]).toBeCloseTo(share, 9);
    });
    expect(selected).toEqual([0, 1, 2, 3, 4].filter((row) => (expected.shares[row] as number) > 0));
  }
});

test('fltrust › takes the sample’s steepest descent, as long as the median update, where the server has no update', async () => {
  const vectors = [
    [3, 0, 0],
    [0, 4, 0],
    [-1, -1, 0],
  ];
  // Norms 3, 4 and √2: the median is 3. Cosines to (1, 1, 0): √½, √½ and −1.
  const { values, shares, selected } = await run(vectors, { loss });
  expect(shares?.[0]).toBeCloseTo(0.5, 6);
  expect(shares?.[1]).toBeCloseTo(0.5, 6);
  expect([shares?.[2], selected]).toEqual([0, [0, 1]]);
  expect(values[0]).toBeCloseTo(1.5, 6);
  expect(values[1]).toBeCloseTo(1.5, 6);
  expect(values[2]).toBe(0);
});

test('fltrust › follows the loss from the base that it is given', async () => {
  // At (3, 0) the way down is (−2, 1) / √5: only the second of these rows goes along.
  const vectors = [
    [1, 1, 0],
    [-1, 1, 0],
    [1, -1, 0],
  ];
  const { selected } = await run(vectors, { loss }, Float32Array.of(3, 0, 0));
  expect(selected).toEqual([1]);
});

test('fltrust › gives nobody anything where nobody goes along, where nothing is left to learn, and of updates of zero', async () => {
  const against = [
    [-1, 0, 0],
    [0, -1, 0],
  ];
  const settled = Float32Array.of(1, 1, 0);
  for (const result of [
    await run(against, { loss }),
    await run([[1, 1, 0], [0, 0, 0]], { loss }, settled), // biome-ignore format: one line
    await run([[0, 0, 0], [0, 0, 0]], { loss, reference: Float32Array.of(1, 0, 0) }), // biome-ignore format: one line
  ]) {
    expect(result.values).toEqual([0, 0, 0]);
    expect([...(result.shares ?? [])]).toEqual([0, 0]);
    expect(result.selected).toEqual([]);
  }
  const beside = await run([[0, 0, 0], [2, 0, 0]], { loss, reference: Float32Array.of(1, 0, 0) }); // biome-ignore format: one line
  expect(beside.values).toEqual([1, 0, 0]);
});
