import { describe, expect, test } from 'vitest';
import { blocksOf, granted } from '../algebra/samples.ts';
import { twinAlgebra } from '../algebra/twin-algebra.ts';
import { memorySink } from '../blocks/blocks.ts';
import type { DeclaredClasses } from '../class-blocks.ts';
import { leastSquares, type SquaresExample } from '../trusted/least-squares.ts';
import type { TrustedLoss } from '../trusted/trusted-loss.ts';
import { carryOut, updatesOf } from '../updates.ts';
import { type TrustedWeightsParameters, trustedWeights } from './trusted-weights.ts';

const parameters = { rho: 0.01, clip: 1.5, split: false, stepsMax: 1000, blind: 'shares' } as const;
type Given = Readonly<{
  f?: number;
  parameters?: Partial<TrustedWeightsParameters>;
  classes?: DeclaredClasses;
  measure?: boolean;
}>;

/** What is decided of these updates from a base of zeros, and what comes out. */
async function decided(loss: TrustedLoss, vectors: readonly (readonly number[])[], given: Given = {}) {
  const { f = 1, classes, measure } = given;
  const updates = updatesOf(twinAlgebra(), blocksOf(vectors.map((vector) => Float32Array.from(vector))));
  const { d } = updates.source;
  const context = {
    ...{ trusted: { loss }, base: new Float32Array(d) },
    ...(classes && { classes }),
    ...(measure !== undefined && { measure }),
  };
  const decision = granted(await trustedWeights(updates, f, { ...parameters, ...given.parameters }, context));
  const sink = memorySink(d);
  await carryOut(twinAlgebra(), decision.plan, sink);
  return { ...decision, values: [...sink.values] };
}

/** One example: features at some coordinates of d, wanted to sum to `value`. */
const example = (d: number, at: readonly number[], value = 1, name = 'seen'): SquaresExample => ({
  ...{ class: name, value },
  features: Array.from({ length: d }, (_, j) => (at.includes(j) ? 1 : 0)),
});

describe('trustedWeights', () => {
  test.each(['linear', 'gradient'] as const)('finds the least of its objective, by %s', async (only) => {
    // Of u = 1 and −1, with shares s and 1 − s: ½ (2s − 2)² + ρ (s − ½)² is least at s = (4 + ρ) / (4 + 2ρ).
    for (const rho of [0.2, 1, 5]) {
      const { shares, onSample } = await decided(leastSquares([example(1, [0])], only), [[1], [-1]], {
        parameters: { rho },
      });
      expect(shares?.[0]).toBeCloseTo((4 + rho) / (4 + 2 * rho), 4);
      expect(onSample?.lossBefore).toBeCloseTo(0.5, 12);
    }
  });

  test('takes nobody beyond its cap, and names those that have a share', async () => {
    const { shares, selected, values } = await decided(leastSquares([example(1, [0], 3)]), [[1], [1], [-1]]);
    expect([...(shares ?? [])].map((share) => share.toFixed(6))).toEqual(['0.500000', '0.500000', '0.000000']);
    expect(selected).toEqual([0, 1]);
    expect(values[0]).toBeCloseTo(1, 6);
  });

  test('explains itself by the gradient at what came out, unless it is told not to look for one', async () => {
    const loss = leastSquares([example(2, [0]), example(2, [1], 3)]);
    const vectors = [[1, 0], [0, 1], [1, 1]]; // biome-ignore format: one line
    const told = await decided(loss, vectors);
    const there = await loss.gradient?.(Float32Array.from(told.values));
    expect(told.onSample?.gradient).toHaveLength(2);
    told.onSample?.gradient?.forEach((slope, j) => {
      expect(slope).toBeCloseTo(there?.gradient[j] as number, 6);
    });
    expect((await decided(loss, vectors, { measure: false })).onSample).not.toHaveProperty('gradient');
  });

  test('clips what the sample does not see to the median, and what it sees by itself', async () => {
    // Seen 1 each; unseen 1, 1 and 100: that of the last is cut to 1.
    const loss = leastSquares([example(2, [0], 0.9)]);
    const { values, shares } = await decided(loss, [[1, 1], [1, 1], [1, 100]], { parameters: { split: true, rho: 10 } }); // biome-ignore format: one line
    expect([...(shares ?? [])].map((share) => share.toFixed(3))).toEqual(['0.333', '0.333', '0.333']);
    expect(values[0]).toBeCloseTo(1, 5);
    expect(values[1]).toBeCloseTo(1, 5);
  });
});

describe('trustedWeights by class', () => {
  /** Coordinate 0 is of a class that the sample holds, 1 of a rare one, 2 of one that nobody declares, 3 of none. */
  const d = 4;
  const blocks = ['seen', 'rare', 'lost'].map((name, offset) => ({ class: name, ranges: [{ offset, length: 1 }] }));
  const loss = leastSquares([example(d, [0])]);
  const vectors = [
    [1, 1.2, 1, 1],
    [1, 0, 1, 1],
    [1, 0, 1, 1],
    [1, 0, 1, 1],
  ];
  const classes: DeclaredClasses = { blocks, declared: [['seen', 'rare'], ['seen'], ['seen'], []] };
  const by = (blind: TrustedWeightsParameters['blind'], more: Given = {}, sent = vectors) =>
    decided(loss, sent, { classes, ...more, parameters: { blind, ...more.parameters } });

  test('asks holders in blocks that the sample does not hold and somebody declares, and goes by shares in all others', async () => {
    for (const blind of ['evidence', 'coordinateMedian', 'geometricMedian'] as const) {
      const { values, classes: verdicts } = await by(blind);
      [1, 1.2, 1, 1].forEach((value, j) => {
        expect(values[j]).toBeCloseTo(value, 5);
      });
      expect(verdicts?.map(({ class: name, covered, holders }) => [name, covered, holders])).toEqual([
        ['seen', true, [0, 1, 2]],
        ['rare', false, [0]],
        ['lost', false, []],
      ]);
    }
  });

  test('goes by shares where the sample holds the class, whoever declares it', async () => {
    const sent = vectors.map((row, at) => (at === 3 ? [0.5, ...row.slice(1)] : row));
    const { values, shares } = await by('evidence', {}, sent);
    const mixed = sent.reduce((sum, row, at) => sum + (shares?.[at] as number) * (row[0] as number), 0);
    expect(values[0]).toBeCloseTo(mixed, 9);
    expect(values[0]).toBeLessThan(0.999); // All who declare it say 1.
  });

  test('goes by shares everywhere where it is told to', async () => {
    // The rare block is clipped by itself, to 1.5 times a median of 0.
    const { values } = await by('shares', {}, [[1, 2, 1, 1], [1, 2, 1, 1], [1, 2, 1, 1], [1, 0, 1, 1]]); // biome-ignore format: one line
    [1, 1.5, 1, 1].forEach((value, j) => {
      expect(values[j]).toBeCloseTo(value, 5);
    });
  });

  test('bounds what holders say by the longest that is usual in any class, where seen and unseen are clipped apart too', async () => {
    // The median of each row's longest block is 1, and so no block that one holder speaks for is longer than 1.5.
    const long = vectors.map(([a = 0, b = 0, ...rest]) => [a, 20 * b, ...rest]);
    for (const split of [false, true]) {
      const { values } = await by('evidence', { parameters: { split } }, long);
      [1, 1.5, 1, 1].forEach((value, j) => {
        expect(values[j]).toBeCloseTo(value, 5);
      });
    }
    // What is of no class bounds nothing: it is ten times as long here.
    const { values } = await by('evidence', {}, long.map(([a = 0, b = 0, c = 0]) => [a, b, c, 10])); // biome-ignore format: one line
    expect(values[1]).toBeCloseTo(1.5, 5);
  });

  test('lets a block through by the mean loss of all classes that the sample holds', async () => {
    // Two classes: the block costs one of them 0.15, a mean of 0.075, where the mean was 0.5 and may rise by 0.05.
    const both = leastSquares([example(d, [0]), { ...example(d, [1], 0, 'other'), value: 0 }]);
    const before = 0.25; // Of both at zero: ½ and 0.
    const own = 2 * Math.sqrt(0.1 * before); // ½ x² / 2 = 0.1 · before.
    const learnt = vectors.map(([a = 0, , ...rest], row) => [a, row === 0 ? 0.99 * own : 0, ...rest]);
    const told = { blocks: blocks.slice(0, 2), declared: classes.declared };
    const { values } = await decided(both, learnt, { classes: told, parameters: { blind: 'evidence' } });
    expect(values[1]).toBeCloseTo(0.99 * own, 5);
  });

  test('contrasts a block of which the holders say nothing of some coordinates', async () => {
    const wide = [{ class: 'seen', ranges: [{ offset: 0, length: 1 }] }, { class: 'rare', ranges: [{ offset: 1, length: 2 }] }]; // biome-ignore format: one line
    const told = { blocks: wide, declared: classes.declared };
    // The sample has the first coordinate of the rare block as something else.
    const knowing = leastSquares([example(d, [0]), { ...example(d, [1]), value: 0 }]);
    const sent = vectors.map(([a = 0, b = 0]) => [a, b, 0, 1]);
    const { values } = await decided(knowing, sent, { classes: told, parameters: { blind: 'contrast' } });
    const { values: plain } = await decided(knowing, sent, { classes: told, parameters: { blind: 'evidence' } });
    expect(values[1]).toBeGreaterThan(0);
    expect(values[1]).toBeLessThan(1.5);
    expect(plain[1]).not.toBe(values[1]);
  });
});
