import { describe, expect, test } from 'vitest';
import { seededNumbers } from '../../base/random.ts';
import { normalVectors } from '../algebra/samples.ts';
import { goldenCases, goldenScale, goldenVectors } from '../golden/golden.ts';
import { type AttackName, attacks } from './attacks.ts';
import { fangAgainstKrum } from './fang-krum.ts';
import { meanOf, squaredDistance } from './honest.ts';
import { flipLabels } from './label-flip.ts';
import { littleIsEnough, littleIsEnoughZ } from './little-is-enough.ts';
import { mimicked } from './mimic.ts';
import { minMax, minSum, type Perturbation } from './min-max.ts';
import { innerProductManipulation, scaledReplacement, signFlip } from './multiples-of-mean.ts';

type Case = {
  attack: 'sign-flip' | 'ipm' | 'alie' | 'alie-z' | 'min-max' | 'min-sum';
  input: string;
  honestFrom: number;
  scale: number;
  epsilon: number;
  z: number;
  ddof: 0 | 1;
  perturbation: Perturbation;
  gamma: number;
  n: number;
  f: number;
  output: number[];
};

describe('golden cases agree', () => {
  test.each(goldenCases<Case>('attacks'))('$attack $input $perturbation', (golden) => {
    if (golden.attack === 'alie-z') {
      expect(littleIsEnoughZ(golden.n, golden.f)).toBeCloseTo(golden.z, 14);
      return;
    }
    const honest = goldenVectors(golden.input).slice(golden.honestFrom);
    const outputs = {
      'sign-flip': () => ({ vector: signFlip(honest, golden.scale), gamma: 0 }),
      ipm: () => ({ vector: innerProductManipulation(honest, golden.epsilon), gamma: 0 }),
      alie: () => ({ vector: littleIsEnough(honest, golden.z, golden.ddof), gamma: 0 }),
      'min-max': () => minMax(honest, golden.perturbation),
      'min-sum': () => minSum(honest, golden.perturbation),
    };
    const { vector, gamma } = outputs[golden.attack]();
    const scale = goldenScale(golden.input);
    golden.output.forEach((value, j) => {
      expect(Math.abs((vector[j] as number) - value)).toBeLessThanOrEqual(1e-9 * scale);
    });
    if (golden.gamma !== undefined) expect(Math.abs(gamma / golden.gamma - 1)).toBeLessThan(1e-9);
  });
});

describe('attacks', () => {
  const honest = normalVectors(seededNumbers('honest'), 9, 30, 0.5);

  test.each(Object.keys(attacks) as AttackName[])('%s gives f updates, the same for the same seed', async (name) => {
    const scene = { honest, f: 3, seed: 'a' };
    const made = await attacks[name](scene);
    expect(made).toHaveLength(3);
    expect(made.every((vector) => vector.length === 30)).toBe(true);
    expect(await attacks[name](scene)).toEqual(made);
  });

  test('scaled replacement makes the plain mean what the attacker wants', () => {
    const target = new Float64Array(30).fill(7);
    const vector = scaledReplacement(honest, 3, target);
    const mean = meanOf([...honest, vector, vector, vector]);
    for (const value of mean) expect(value).toBeCloseTo(7, 9);
  });

  test('mimic copies the row farthest along the widest direction', () => {
    const rows = normalVectors(seededNumbers('wide'), 8, 5).map((row) => row.map((value) => value * 0.1));
    (rows[5] as Float32Array)[2] = 9;
    expect(mimicked(rows, 'seed')).toBe(5);
    expect(mimicked([rows[0], rows[0]] as Float32Array[], 'seed')).toBe(0);
  });

  test("fang's update is the one that Krum picks, and points away from the mean", async () => {
    const near = normalVectors(seededNumbers('near'), 14, 30, 0.1);
    const vector = await fangAgainstKrum(near, 6);
    const mean = meanOf(near);
    expect(vector.every((value, j) => Math.sign(value) === -Math.sign(mean[j] as number))).toBe(true);
    expect(Math.abs(vector[0] as number)).toBeGreaterThan(1e-3);
    expect(squaredDistance(vector, mean)).toBeGreaterThan(0);
  });

  test('label flipping is its own inverse', () => {
    const labels = Uint8Array.of(0, 1, 2, 11);
    expect([...flipLabels(labels, 12)]).toEqual([11, 10, 9, 0]);
    expect(flipLabels(flipLabels(labels, 12), 12)).toEqual(labels);
  });
});
