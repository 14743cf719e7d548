import { expect, test } from 'vitest';
import { seededNumbers } from '../../base/random.ts';
import { blocksOf, blurredAlgebra, granted, normalVectors } from '../algebra/samples.ts';
import { twinAlgebra } from '../algebra/twin-algebra.ts';
import { memorySink } from '../blocks/blocks.ts';
import { carryOut, type Decision, updatesOf } from '../updates.ts';
import { allPlaced, gathered, placed } from './block-values.ts';
import { bulyan, bulyanPicks } from './bulyan.ts';
import { centredClipping } from './centred-clipping.ts';
import { corroborated } from './corroborated.ts';
import { geometricMedian } from './geometric-median.ts';
import { minimumDiameterAveraging, refuseSubsets } from './mda.ts';
import { mean } from './mean.ts';

const algebra = twinAlgebra();
const updates = (vectors: readonly (readonly number[])[], by = algebra) =>
  updatesOf(by, blocksOf(vectors.map((vector) => Float32Array.from(vector))));

async function valuesOf(decision: Decision, d: number): Promise<number[]> {
  const sink = memorySink(d);
  await carryOut(algebra, decision.plan, sink);
  return [...sink.values];
}

test('mean › weighs by what it is given, and names those that weigh anything', async () => {
  const vectors = [[6, 0], [9, 9], [0, 3]]; // biome-ignore format: one line
  const weighed = granted(await mean(updates(vectors), Float64Array.of(2, 0, 1)));
  expect(weighed.selected).toEqual([0, 2]);
  expect([...(weighed.shares ?? [])]).toEqual([2 / 3, 0, 1 / 3]);
  expect(await valuesOf(weighed, 2)).toEqual([4, 1]);
  const plain = granted(await mean(updates(vectors)));
  expect([plain.selected, await valuesOf(plain, 2)]).toEqual([
    [0, 1, 2],
    [5, 4],
  ]);
});

test('geometricMedian › takes Weiszfeld’s step from where it is told to start, and says how far it went', async () => {
  // From the mean, 1, the rows lie 1, 1 and 2 away: weights 2/5, 2/5 and 1/5. They move by (1 + 1 + 2 · 2)/15 of 4/3.
  const line = updates([[0], [0], [3]]);
  const step = { smoothing: 1e-6, tolerance: 0, stepsMax: 1 } as const;
  const fromMean = granted(await geometricMedian(line, 1, { ...step, start: 'mean' }));
  [0.4, 0.4, 0.2].forEach((weight, row) => {
    expect(fromMean.shares?.[row]).toBeCloseTo(weight, 12);
  });
  expect((await valuesOf(fromMean, 1))[0]).toBeCloseTo(0.6, 12);
  expect(fromMean.convergence?.movedAtMost).toBeCloseTo(0.3, 12);
  // From zero the rows lie 1, 2 and 4 away.
  const fromZero = granted(await geometricMedian(updates([[1], [-2], [4]]), 1, { ...step, start: 'zero' }));
  [4 / 7, 2 / 7, 1 / 7].forEach((weight, row) => {
    expect(fromZero.shares?.[row]).toBeCloseTo(weight, 12);
  });
});

test('geometricMedian › has converged where a step between two means moves no more than it may', async () => {
  const rows = updates([[1, 0], [0, 1], [1, 1]]); // biome-ignore format: one line
  const generous = { smoothing: 1e-6, tolerance: 2, stepsMax: 7 } as const;
  const stepsFrom = async (start: 'mean' | 'zero') =>
    granted(await geometricMedian(rows, 1, { ...generous, start })).convergence;
  expect(await stepsFrom('mean')).toMatchObject({ steps: 1, converged: true });
  expect(await stepsFrom('zero')).toMatchObject({ steps: 2, converged: true }); // The first is from no mean.
  const same = { ...generous, tolerance: 0, start: 'mean' } as const;
  const alike = granted(await geometricMedian(updates([[2], [2], [2]]), 1, same));
  expect(alike.convergence).toEqual({ steps: 1, converged: true, movedAtMost: 0 });
});

test('centredClipping › moves from its start by what everybody may pull at most, and gives every row one share', async () => {
  // From 10 the rows pull by −1 (of −10), by 0.5 and by 1 (of 90): (−1 + 0.5 + 1) / 3.
  const rows = updates([[0], [10.5], [100]]);
  const decided = granted(await centredClipping(rows, 1, { radius: 1, steps: 1 }, Float64Array.of(10)));
  expect((await valuesOf(decided, 1))[0]).toBeCloseTo(10 + 0.5 / 3, 12);
  expect([...(decided.shares ?? [])].map((share) => share.toFixed(6))).toEqual(
    [0.1 / 3, 1 / 3, 1 / 270].map((share) => share.toFixed(6)),
  );
  const twice = granted(await centredClipping(rows, 1, { radius: 1, steps: 2 }, Float64Array.of(10)));
  const [before = Number.NaN] = await valuesOf(decided, 1);
  expect((await valuesOf(twice, 1))[0]).toBeCloseTo(before + (-1 + (10.5 - before) + 1) / 3, 12);
});

test('minimumDiameterAveraging › takes the first of subsets that tie, and all pairs exactly whatever an algebra rounds', async () => {
  const tied = granted(await minimumDiameterAveraging(updates([[0], [1], [2]]), 1));
  expect(tied.selected).toEqual([0, 1]);
  const random = seededNumbers('mda and bulyan');
  for (let turn = 0; turn < 8; turn++) {
    const vectors = normalVectors(random, 8, 4, 30).map((vector) => [...vector]);
    const exactly = granted(await minimumDiameterAveraging(updates(vectors), 3));
    const roughly = granted(await minimumDiameterAveraging(updates(vectors, blurredAlgebra(`mda ${turn}`, 1)), 3));
    expect(roughly.selected).toEqual(exactly.selected);
  }
});

test('refuseSubsets › affords no more than a majority has to be honest for, however few the subsets are', () => {
  expect(refuseSubsets(5, 2)).toBeUndefined();
  expect(refuseSubsets(5, 3)).toMatchObject({ fault: { fields: { fMax: 2 } } });
});

test('bulyan › picks what exact distances pick whatever an algebra rounds, and names it in ascending order', async () => {
  const random = seededNumbers('bulyan');
  let isOutOfOrder = false;
  for (let turn = 0; turn < 12; turn++) {
    const vectors = normalVectors(random, 15, 4, 30).map((vector) => [...vector]);
    const exact = updates(vectors);
    const picks = await bulyanPicks(await exact.distances(), 3);
    const ascending = picks.toSorted((a, b) => a - b);
    isOutOfOrder ||= picks.join() !== ascending.join();
    for (const by of [algebra, blurredAlgebra(`bulyan ${turn}`, 1)]) {
      expect(granted(await bulyan(updates(vectors, by), 3)).selected).toEqual(ascending);
    }
  }
  expect(isOutOfOrder).toBe(true);
});

test('placed, gathered › write and read ranges one after another, and change no other value nor what they were given', () => {
  const ranges = [{ offset: 1, length: 2 }, { offset: 4, length: 1 }]; // biome-ignore format: one line
  const delta = Float64Array.of(9, 9, 9, 9, 9, 9);
  const values = Float64Array.of(1, 2, 3);
  expect([...placed(delta, { ranges, values }, 2)]).toEqual([9, 2, 4, 9, 6, 9]);
  const other = { ranges: [{ offset: 0, length: 1 }], values: Float64Array.of(7) };
  expect([...allPlaced(delta, [{ ranges, values }, other], 1)]).toEqual([7, 1, 2, 9, 3, 9]);
  expect([...delta]).toEqual([9, 9, 9, 9, 9, 9]);
  expect([...gathered([10, 11, 12, 13, 14, 15], ranges)]).toEqual([11, 12, 14]);
});

test('corroborated › counts as not counted only what somebody claimed', async () => {
  const classes = {
    blocks: [{ class: 'web', ranges: [{ offset: 0, length: 3 }] }],
    declared: [['web'], ['web'], ['web']],
  };
  const source = blocksOf([[1, 0, 0], [1, 1, 0], [1, 0, 0]].map((row) => Float32Array.from(row))); // biome-ignore format: one line
  const context = { base: Float32Array.of(0, 0, 0), classes, attacksOnly: Uint8Array.of(0, 1, 1) };
  const { rows, uncounted } = await corroborated(source, 1, context);
  expect(uncounted).toEqual([1]);
  const read = new Float64Array(9);
  await rows.read(0, 3, read);
  expect([...read].map((value) => value + 0)).toEqual([1, 0, 0, 1, 0, 0, 1, 0, 0]);
});
